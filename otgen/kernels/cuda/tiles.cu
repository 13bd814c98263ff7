// Costs by tiles: a block computes TILE_ROWS x TILE_COLUMNS at a time from coordinates in shared memory, DEPTH of them at a time, each thread
// ROWS x COLUMNS pairs in registers. While it does, the next coordinates are on their way. With TENSOR, inner products are those of the tensor
// cores, of numbers in two parts, which gives almost what single precision has. A multiprocessor must be able to hold RESIDENT blocks.

#define DOWN (THREADS / ACROSS)
#define TILE_ROWS (DOWN * ROWS)
#define TILE_COLUMNS (ACROSS * COLUMNS)
#define GROUP (16 / (int)sizeof(REAL))  // numbers that are copied at once
#define PAD (32 / (int)sizeof(REAL))    // by which rows in shared memory are longer: neighbours in a column then lie in different banks
#define BY_COORDINATES (INNER != 0 && INNER != 3 && INNER != 7)
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define AMPERE 1
#else
#define AMPERE 0
#endif

struct Tile {
    __align__(16) REAL x[2][DEPTH][TILE_ROWS + PAD];
    __align__(16) REAL y[2][DEPTH][TILE_COLUMNS + PAD];
};

// Threads that share rows are a group of ACROSS; which of its group a thread is; and which row and column of the tile is its r-th and s-th.
#if TENSOR  // as the tensor cores hand out a product: 2 x 4 warps, of which each has 64 x 32 pairs
__device__ __forceinline__ int group_of() { return threadIdx.x / 128 * 8 + threadIdx.x % 32 / 4; }
__device__ __forceinline__ int member_of() { return threadIdx.x / 32 % 4 * 4 + threadIdx.x % 4; }
__device__ __forceinline__ int row_of(int r) { return threadIdx.x / 128 * 64 + r / 2 * 16 + r % 2 * 8 + threadIdx.x % 32 / 4; }
__device__ __forceinline__ int column_of(int s) { return threadIdx.x / 32 % 4 * 32 + s / 2 * 8 + threadIdx.x % 4 * 2 + s % 2; }
#else
__device__ __forceinline__ int group_of() { return threadIdx.x / ACROSS; }
__device__ __forceinline__ int member_of() { return threadIdx.x % ACROSS; }
__device__ __forceinline__ int row_of(int r) { return group_of() * ROWS + r; }
__device__ __forceinline__ int column_of(int s) { return s / GROUP * (ACROSS * GROUP) + member_of() * GROUP + s % GROUP; }
#endif

__device__ __forceinline__ long long within(long long index, long long size) { return index < size ? index : size - 1; }

// Numbers from device memory to shared memory, not waited for.
__device__ __forceinline__ void copy_group(REAL* to, const REAL* from) {
#if AMPERE
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from) : "memory");
#else
#pragma unroll
    for (int l = 0; l < GROUP; ++l) to[l] = from[l];
#endif
}

// All but the copies since the last call have arrived, for the whole block.
__device__ __forceinline__ void await_all_but_latest() {
#if AMPERE
    asm volatile("cp.async.commit_group;\ncp.async.wait_group 1;" ::: "memory");
#endif
    __syncthreads();
}

__device__ __forceinline__ void end_of_batch() {
#if AMPERE
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// DEPTH coordinates of WIDTH points, which are ``size`` apart.
template <int WIDTH>
__device__ __forceinline__ void fetch(REAL (*to)[WIDTH + PAD], const REAL* from, long long size) {
    for (int e = threadIdx.x; e < DEPTH * WIDTH / GROUP; e += THREADS) {
        int k = e / (WIDTH / GROUP), at = e % (WIDTH / GROUP) * GROUP;
        copy_group(&to[k][at], from + k * size + at);
    }
}

#if TENSOR && AMPERE

struct Parts {  // of a number: what the tensor cores take of it, and of the rest
    unsigned high, low;
    __device__ __forceinline__ Parts() {}
    __device__ __forceinline__ explicit Parts(float t) {
        high = __float_as_uint(t) & 0xffffe000u;
        low = __float_as_uint(t - __uint_as_float(high));
    }
};

__device__ __forceinline__ void multiply_add(float* to, const unsigned* a, unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(to[0]), "+f"(to[1]), "+f"(to[2]), "+f"(to[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void accumulate(const GroundCost&, const Tile& tile, int of_x, int of_y, REAL out[ROWS][COLUMNS]) {
    int lane = threadIdx.x % 32, top = threadIdx.x / 128 * 64 + lane / 4, left = threadIdx.x / 32 % 4 * 32 + lane / 4;
#pragma unroll
    for (int k = 0; k < DEPTH; k += 8) {
        Parts b[COLUMNS / 2][2];
#pragma unroll
        for (int s = 0; s < COLUMNS / 2; ++s)
#pragma unroll
            for (int h = 0; h < 2; ++h) b[s][h] = Parts(tile.y[of_y][k + lane % 4 + 4 * h][left + 8 * s]);
#pragma unroll
        for (int r = 0; r < ROWS / 2; ++r) {
            unsigned high[4], low[4];
#pragma unroll
            for (int h = 0; h < 4; ++h) {
                Parts a(tile.x[of_x][k + lane % 4 + h / 2 * 4][top + 16 * r + h % 2 * 8]);
                high[h] = a.high, low[h] = a.low;
            }
#pragma unroll
            for (int s = 0; s < COLUMNS / 2; ++s) {
                float sums[4] = {out[2 * r][2 * s], out[2 * r][2 * s + 1], out[2 * r + 1][2 * s], out[2 * r + 1][2 * s + 1]};
                multiply_add(sums, low, b[s][0].high, b[s][1].high);
                multiply_add(sums, high, b[s][0].low, b[s][1].low);
                multiply_add(sums, high, b[s][0].high, b[s][1].high);
                out[2 * r][2 * s] = sums[0], out[2 * r][2 * s + 1] = sums[1];
                out[2 * r + 1][2 * s] = sums[2], out[2 * r + 1][2 * s + 1] = sums[3];
            }
        }
    }
}

#elif BY_COORDINATES

__device__ __forceinline__ void accumulate(const GroundCost& c, const Tile& tile, int of_x, int of_y, REAL out[ROWS][COLUMNS]) {
#pragma unroll
    for (int k = 0; k < DEPTH; ++k) {
        REAL x[ROWS], y[COLUMNS];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) x[r] = tile.x[of_x][k][row_of(r)];
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) y[s] = tile.y[of_y][k][column_of(s)];
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) out[r][s] = added(c, out[r][s], x[r], y[s]);
    }
}

#endif

// Clouds as tiles read them, see packed.cu: (depth, rows) and (depth, columns).
struct Packed {
    const REAL *x, *y;
    long long depth, rows, columns;
};

// Tells ``fold`` what the costs of each tile of this block are powers of, beyond the last row or column those of the last; of the tiles, in
// ``shares`` shares of the columns, those of one.
template <class Fold>
__device__ __forceinline__ void over_columns(const GroundCost& c, const Packed& packed, int share, int shares, Fold& fold) {
    REAL sums[ROWS][COLUMNS];
    long long tiles = (c.m + TILE_COLUMNS - 1) / TILE_COLUMNS, each = (tiles + shares - 1) / shares * TILE_COLUMNS;
    long long i = (long long)blockIdx.x * TILE_ROWS, from = share * each, end = from + each < c.m ? from + each : c.m;
#if BY_COORDINATES
    __shared__ Tile tile;
    bool whole = packed.depth == DEPTH;  // then rows are read once
    int stage = 0;
    if (from < end) {
        fetch<TILE_ROWS>(tile.x[0], packed.x + i, packed.rows);
        fetch<TILE_COLUMNS>(tile.y[0], packed.y + from, packed.columns);
    }
    end_of_batch();
    for (long long j = from; j < end; j += TILE_COLUMNS) {
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) sums[r][s] = 0;
        for (long long k = 0; k < packed.depth; k += DEPTH) {
            bool last = k + DEPTH >= packed.depth;
            long long next = last ? j + TILE_COLUMNS : j, at = last ? 0 : k + DEPTH;
            if (next < end) {
                if (!whole) fetch<TILE_ROWS>(tile.x[stage ^ 1], packed.x + at * packed.rows + i, packed.rows);
                fetch<TILE_COLUMNS>(tile.y[stage ^ 1], packed.y + at * packed.columns + next, packed.columns);
            }
            await_all_but_latest();
            accumulate(c, tile, whole ? 0 : stage, stage, sums);
            __syncthreads();
            stage ^= 1;
        }
        fold.take(c, i, j, sums);
    }
#else
    for (long long j = from; j < end; j += TILE_COLUMNS) {
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) sums[r][s] = cost(c, within(i + row_of(r), c.n), within(j + column_of(s), c.m));
        fold.take(c, i, j, sums);
    }
#endif
}

// The cost of a pair whose sum is this.
__device__ __forceinline__ REAL cost_of(const GroundCost& c, REAL sum) {
#if BY_COORDINATES
    return powered(c, sum);
#else
    return sum;
#endif
}

__device__ __forceinline__ bool is_finite(REAL t) { return fabs(t) < (REAL)INFINITY; }

// 2 to a power; what is subnormal may be 0.
__device__ __forceinline__ double power_of_two(double t) { return exp2(t); }
__device__ __forceinline__ float power_of_two(float t) {
#ifdef __CUDACC__
    float out;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(t));
    return out;
#else
    return exp2(t);
#endif
}
