// The sources of kernels/cuda for the host: the threads of a block are fibres that are resumed in turn, from one barrier to the next.
// Compiled with KERNELS, the source's path in SOURCE, and the source's own macros.

#include <cmath>
#include <cstdint>
#include <ucontext.h>
#include <utility>
#include <vector>

using namespace std;

struct Index {
    unsigned x, y, z;
};
static Index threadIdx, blockIdx, gridDim;

#define __device__
#define __forceinline__ inline
#define __global__
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __shared__ static
static void __syncthreads();

#include SOURCE

static const size_t STACK = 1 << 16;
static ucontext_t scheduler, fibres[THREADS];
static bool running[THREADS];
static vector<char> stacks(STACK* THREADS);
static void (*body)(void*);
static void* context;

static void __syncthreads() { swapcontext(&fibres[threadIdx.x], &scheduler); }

static void entry() {
    body(context);
    running[threadIdx.x] = false;
}

// One block; false if some threads end while others wait at a barrier.
static bool block() {
    for (unsigned t = 0; t < THREADS; ++t) {
        getcontext(&fibres[t]);
        fibres[t].uc_stack.ss_sp = &stacks[t * STACK];
        fibres[t].uc_stack.ss_size = STACK;
        fibres[t].uc_link = &scheduler;
        makecontext(&fibres[t], entry, 0);
        running[t] = true;
    }
    for (unsigned alive = THREADS; alive;) {
        alive = 0;
        for (unsigned t = 0; t < THREADS; ++t) {
            threadIdx.x = t;
            swapcontext(&scheduler, &fibres[t]);
            alive += running[t];
        }
        if (alive && alive < THREADS) return false;
    }
    return true;
}

template <class... A>
struct Call {
    void (*kernel)(A...);
    void** arguments;

    template <size_t... I>
    void unpacked(index_sequence<I...>) {
        kernel(*static_cast<A*>(arguments[I])...);
    }

    static void run(void* self) { static_cast<Call*>(self)->unpacked(index_sequence_for<A...>()); }
};

template <class... A>
static int launched(void (*kernel)(A...), Index grid, void** arguments) {
    Call<A...> call{kernel, arguments};
    body = Call<A...>::run, context = &call, gridDim = grid;
    for (blockIdx.z = 0; blockIdx.z < grid.z; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x)
                if (!block()) return 1;
    return 0;
}

#define KERNEL(name)                                                                                \
    extern "C" int launch_##name(unsigned x, unsigned y, unsigned z, void** arguments) { \
        return launched(name, Index{x, y, z}, arguments);                                           \
    }
KERNELS
