// A Gibbs matrix times vectors, and its derivatives. A block takes TILE_ROWS rows and WIDE of the vectors or coordinates: entries of the matrix go
// from the registers in which they were computed to shared memory, and serve all of these.

#define WIDE (ACROSS * EACH)  // EACH for every thread
#define STEP 8                // columns whose vectors are in shared memory at a time

struct Masses {
    __align__(16) REAL of[TILE_COLUMNS][TILE_ROWS + PAD];
    __align__(16) REAL vectors[STEP][WIDE];
};

struct Gibbs {
    const REAL *f, *g;
    REAL bits;

    __device__ __forceinline__ REAL entry(const GroundCost& c, long long i, long long j, REAL price) const {
        return power_of_two((f[i] + g[j] - price) * bits);
    }
};

// Adds up ``add(r, e, mass, number)`` over the columns, ``mass(i, j, sum)`` of a pair times a number of the column's; of ``width`` numbers, those
// from ``left`` on, ``point`` and ``next`` apart.
template <class Mass, class Add>
struct Products {
    const Mass& mass;
    Add& add;
    Masses& masses;
    const REAL* vectors;
    long long left, width, point, next;

    __device__ __forceinline__ void take(const GroundCost& c, long long i, long long j, REAL sums[ROWS][COLUMNS]) {
        __syncthreads();
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s)
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
                masses.of[column_of(s)][row_of(r)] =
                    j + column_of(s) < c.m ? mass(c, within(i + row_of(r), c.n), j + column_of(s), sums[r][s]) : (REAL)0;
        for (int l = 0; l < TILE_COLUMNS && j + l < c.m; l += STEP) {
            __syncthreads();
            load(c, j + l);
            __syncthreads();
#pragma unroll
            for (int t = 0; t < STEP; ++t) step(l, t);
        }
    }

    __device__ __forceinline__ void load(const GroundCost& c, long long j) {
        for (int e = threadIdx.x; e < STEP * WIDE; e += THREADS) {
            int at = next == 1 ? e / WIDE : e % STEP, of = next == 1 ? e % WIDE : e / STEP;
            masses.vectors[at][of] = left + of < width ? vectors[within(j + at, c.m) * point + (left + of) * next] : (REAL)0;
        }
    }

    __device__ __forceinline__ void step(int l, int t) {
        REAL of[ROWS], number[EACH];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) of[r] = masses.of[l + t][row_of(r)];
#pragma unroll
        for (int e = 0; e < EACH; ++e) number[e] = masses.vectors[t][member_of() * EACH + e];
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int e = 0; e < EACH; ++e) add(r, e, of[r], number[e]);
    }
};

template <class Mass, class Add>
__device__ __forceinline__ void sums_over_masses(
    const GroundCost& c, const Packed& clouds, const Mass& mass, const REAL* vectors, long long width, long long point, long long next,
    Add& add, REAL* out) {
    __shared__ Masses masses;
    Products<Mass, Add> products = {mass, add, masses, vectors, (long long)blockIdx.y * WIDE, width, point, next};
    over_columns(c, clouds, blockIdx.z, gridDim.z, products);
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int e = 0; e < EACH; ++e) {
            long long row = (long long)blockIdx.x * TILE_ROWS + row_of(r), column = products.left + member_of() * EACH + e;
            if (row < c.n && column < width) out[(blockIdx.z * c.n + row) * width + column] = add.total[r][e];
        }
}

struct Multiplied {
    REAL total[ROWS][EACH];

    __device__ __forceinline__ Multiplied() {
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int e = 0; e < EACH; ++e) total[r][e] = 0;
    }

    __device__ __forceinline__ void operator()(int r, int e, REAL mass, REAL number) { total[r][e] += mass * number; }
};

struct Plain : Gibbs {
    __device__ __forceinline__ REAL operator()(const GroundCost& c, long long i, long long j, REAL sum) const {
        return entry(c, i, j, cost_of(c, sum));
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) gibbs(
    GroundCost c, Packed clouds, const REAL* f, const REAL* g, REAL epsilon, const REAL* vectors, REAL* out, long long width) {
    Plain mass;
    mass.f = f, mass.g = g, mass.bits = (REAL)LOG2E / epsilon;
    Multiplied add;
    sums_over_masses(c, clouds, mass, vectors, width, width, 1, add, out);
}

#if INNER == 1 || INNER == 2 || INNER == 6

// Weighted, and times what the derivative of a coordinate's part is multiplied by.
struct Outside : Gibbs {
    const REAL* weights;

    __device__ __forceinline__ REAL operator()(const GroundCost& c, long long i, long long j, REAL sum) const {
#if OUTER == 2
        REAL outside = factor_of(c);
#elif OUTER == 1
        REAL outside = sum > 0 ? factor_of(c) / (2 * sqrt(sum)) : (REAL)0;
#else
        REAL outside = sum > 0 ? factor_of(c) * c.outer * pow(sum, c.outer - 1) : (REAL)0;
#endif
        return entry(c, i, j, cost_of(c, sum)) * weights[j] * outside;
    }
};

// Times the derivative of a coordinate's part.
struct Moved : Multiplied {
    REAL x[ROWS][EACH], period;

    __device__ __forceinline__ void operator()(int r, int e, REAL mass, REAL y) {
        REAL t = x[r][e] - y;
#if INNER == 1
        total[r][e] += mass * (REAL)((t > 0) - (t < 0));
#elif INNER == 2
        total[r][e] += 2 * mass * t;
#else
        total[r][e] += 2 * mass * near_way(t, period);
#endif
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) gibbs_slope(
    GroundCost c, Packed clouds, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* out) {
    Outside mass;
    mass.f = f, mass.g = g, mass.weights = weights, mass.bits = (REAL)LOG2E / epsilon;
    Moved add;
    add.period = c.factor;
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int e = 0; e < EACH; ++e) {
            long long row = (long long)blockIdx.x * TILE_ROWS + row_of(r), k = (long long)blockIdx.y * WIDE + member_of() * EACH + e;
            add.x[r][e] = c.source(within(row, c.n), within(k, c.d));
        }
    sums_over_masses(c, clouds, mass, c.yt, c.d, c.y_column, c.y_next, add, out);
}

#elif INNER != 0 && INNER != 5

// What the derivative of a cost with respect to coordinate k of x_i is, of the forms in which coordinates act on each other.
__device__ REAL slope_of(const GroundCost& c, long long i, long long j, long long k, REAL price) {
#if INNER == 7
    REAL inside = pow(price, (REAL)1 / c.outer), outside = c.outer * (inside > 0 ? pow(inside, c.outer - 1) : (REAL)0) / c.factor;
    REAL from = c.source(i, 0), to = c.target(0, j), turned = c.source(i, 1) - c.target(1, j), rest;
    REAL h = haversine(from, c.source(i, 1), to, c.target(1, j), rest), half = sin(turned / 2);
    REAL north = sin(from - to) - 2 * sin(from) * cos(to) * half * half, east = cos(from) * cos(to) * sin(turned);
    return h * rest > 0 ? outside * (k == 0 ? north : east) / (2 * sqrt(h * rest)) : (REAL)0;
#else
    REAL t = c.source(i, k) - c.target(k, j), sign = (REAL)((t > 0) - (t < 0));
#if INNER == 3
    REAL largest = longest(c, i, j), order = c.inner * c.outer;
    if (!(price > 0 && largest > 0)) return 0;
    REAL base = pow(price / c.factor, 1 / order);
    REAL outside = c.factor * c.outer * pow(base, order - 1) * pow(base / largest, 1 - c.inner);
    return outside * c.inner * pow(fabs(t) / largest, c.inner - 1) * sign;
#else
    long long first = 0;
    for (long long l = 1; l < c.d; ++l)
        if (fabs(c.source(i, l) - c.target(l, j)) > fabs(c.source(i, first) - c.target(first, j))) first = l;
    REAL inside = fabs(c.source(i, first) - c.target(first, j));
    return first == k && inside > 0 ? c.factor * c.outer * pow(inside, c.outer - 1) * sign : (REAL)0;
#endif
#endif
}

// One block to a row and a coordinate.
extern "C" __global__ void gibbs_slope(
    GroundCost c, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* out) {
    __shared__ REAL values[THREADS];
    Gibbs gibbs;
    gibbs.f = f, gibbs.g = g, gibbs.bits = (REAL)LOG2E / epsilon;
    long long i = blockIdx.x, k = blockIdx.y;
    REAL total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL price = cost(c, i, j);
        total += gibbs.entry(c, i, j, price) * weights[j] * slope_of(c, i, j, k, price);
    }
    values[threadIdx.x] = total;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[i * c.d + k] = values[0];
}

#endif
