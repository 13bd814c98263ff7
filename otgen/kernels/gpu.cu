// The kernels of otgen for CUDA: one block to a row, or to a few rows where that is worth it; its threads stride over the columns.
// Compiled once for each REAL (float, double), INNER (0: a listed matrix, 1, 2, 3: any power, 4: infinity, 5: inner products, 6: the near way
// round a period, 7: angles on the sphere),
// THREADS, ROWS (of a block, which share what its threads read of a column), VECTORS (that gibbs multiplies by at a time) and COUNT: 0 for all kernels but nearest,
// else for nearest alone.

#ifndef INFINITY
#define INFINITY __longlong_as_double(0x7ff0000000000000LL)
#endif
#define COLUMNS 4  // columns that a thread holds at a time, so that one number read of a row serves several pairs
#define LOG2E 1.4426950408889634

struct GroundCost {
    const REAL* x;       // (n, d)
    const REAL* yt;      // (d, m)
    const REAL* matrix;  // (n, m), if INNER is 0
    long long n, m, d;
    REAL inner, outer, factor;
};

// A difference the near way round a period.
__device__ __forceinline__ REAL near_way(REAL t, REAL period) {
    if (t > (REAL)0.5 * period) return t - period;
    return t < (REAL)-0.5 * period ? t + period : t;
}

// The haversine of the angle between (a, b) and (c, d), and what is left of 1.
__device__ __forceinline__ REAL haversine(REAL a, REAL b, REAL c, REAL d, REAL& rest) {
    REAL s = sin((a - c) / 2), m = sin((a + c) / 2), l = sin((b - d) / 2);
    REAL p = cos((a - c) / 2), q = cos((a + c) / 2), r = cos((b - d) / 2);
    rest = (p * p) * (r * r) + (m * m) * (l * l);
    return (s * s) * (r * r) + (q * q) * (l * l);
}

__device__ __forceinline__ REAL angle(REAL a, REAL b, REAL c, REAL d) {
    REAL rest, h = haversine(a, b, c, d, rest);
    return 2 * atan2(sqrt(h), sqrt(rest));
}

// What the power of a sum is multiplied by.
__device__ __forceinline__ REAL factor_of(const GroundCost& c) {
#if INNER == 6
    return 1;
#else
    return c.factor;
#endif
}

// What one coordinate of a pair adds to the sum that the cost is a power of.
__device__ __forceinline__ REAL added(const GroundCost& c, REAL total, REAL x, REAL y) {
#if INNER == 5
    return total + x * y;
#else
    REAL t = fabs(x - y);
#if INNER == 1
    return total + t;
#elif INNER == 2
    return total + t * t;
#elif INNER == 6
    t = near_way(t, c.factor);
    return total + t * t;
#else
    return total > t ? total : t;
#endif
#endif
}

__device__ __forceinline__ REAL powered(const GroundCost& c, REAL total) {
#if INNER != 5
    if (c.outer == (REAL)0.5) total = sqrt(total);
    else if (c.outer == (REAL)2) total = total * total;
    else if (c.outer != (REAL)1) total = pow(total, c.outer);
#endif
    return factor_of(c) * total;
}

// The largest difference of a coordinate.
__device__ __forceinline__ REAL longest(const GroundCost& c, long long i, long long j) {
    REAL largest = 0;
    for (long long k = 0; k < c.d; ++k) largest = fmax(largest, fabs(c.x[i * c.d + k] - c.yt[k * c.m + j]));
    return largest;
}

// Powers of differences with the largest taken out: of the others no power overflows.
__device__ REAL minkowski(const GroundCost& c, long long i, long long j) {
    REAL total = 0, largest = longest(c, i, j);
    if (!(largest > 0)) return 0;
    for (long long k = 0; k < c.d; ++k) total += pow(fabs(c.x[i * c.d + k] - c.yt[k * c.m + j]) / largest, c.inner);
    return c.factor * pow(largest * pow(total, 1 / c.inner), c.inner * c.outer);
}

__device__ __forceinline__ REAL cost(const GroundCost& c, long long i, long long j) {
#if INNER == 0
    return c.matrix[i * c.m + j];
#else
#if INNER == 3
    return minkowski(c, i, j);
#endif
    REAL total = 0;
#if INNER == 7
    total = angle(c.x[2 * i], c.x[2 * i + 1], c.yt[j], c.yt[c.m + j]);
#else
    for (long long k = 0; k < c.d; ++k) total = added(c, total, c.x[i * c.d + k], c.yt[k * c.m + j]);
#endif
    return powered(c, total);
#endif
}

// The costs between ROWS rows from i on and COLUMNS columns THREADS apart from j on; beyond the last, those of the last.
__device__ __forceinline__ void costs(const GroundCost& c, long long i, long long j, REAL out[ROWS][COLUMNS]) {
    long long rows[ROWS], columns[COLUMNS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) rows[r] = i + r < c.n ? i + r : c.n - 1;
#pragma unroll
    for (int s = 0; s < COLUMNS; ++s) columns[s] = j + s * THREADS < c.m ? j + s * THREADS : c.m - 1;
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s)
#if INNER == 0
            out[r][s] = c.matrix[rows[r] * c.m + columns[s]];
#elif INNER == 7 || INNER == 3
            out[r][s] = cost(c, rows[r], columns[s]);
#else
            out[r][s] = 0;
    for (long long k = 0; k < c.d; ++k) {
        REAL y[COLUMNS];
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) y[s] = c.yt[k * c.m + columns[s]];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            REAL x = c.x[rows[r] * c.d + k];  // the same address in all threads: one read
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) out[r][s] = added(c, out[r][s], x, y[s]);
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) out[r][s] = powered(c, out[r][s]);
#endif
}

// Whether (value, column) comes before (best, where): the lower value, then the lower column.
__device__ __forceinline__ bool before(REAL value, long long column, REAL best, long long where) {
    return value < best || (value == best && column < where);
}

// The first of the pairs of all threads, in every thread.
__device__ void first(REAL& value, long long& column, REAL* values, long long* columns) {
    values[threadIdx.x] = value;
    columns[threadIdx.x] = column;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half &&
            before(values[threadIdx.x + half], columns[threadIdx.x + half], values[threadIdx.x], columns[threadIdx.x])) {
            values[threadIdx.x] = values[threadIdx.x + half];
            columns[threadIdx.x] = columns[threadIdx.x + half];
        }
        __syncthreads();
    }
    value = values[0];
    column = columns[0];
    __syncthreads();
}

__device__ REAL sum(REAL value, REAL* values) {
    values[threadIdx.x] = value;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
        __syncthreads();
    }
    value = values[0];
    __syncthreads();
    return value;
}

#if COUNT

// Every thread keeps its own COUNT best in order; then COUNT times the first of all threads' heads is taken.
extern "C" __global__ void nearest(GroundCost c, const REAL* g, const REAL* below, long long* columns, REAL* values) {
    __shared__ REAL heads[THREADS];
    __shared__ long long where[THREADS];
    REAL best[COUNT];
    long long at[COUNT];
    long long i = blockIdx.x;
    for (int k = 0; k < COUNT; ++k) best[k] = below[i], at[k] = -1;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL value = cost(c, i, j) - g[j];
        if (!(value < best[COUNT - 1])) continue;
        int k = COUNT - 1;
        for (; k > 0 && best[k - 1] > value; --k) best[k] = best[k - 1], at[k] = at[k - 1];
        best[k] = value, at[k] = j;
    }
    int head = 0;
    for (int k = 0; k < COUNT; ++k) {
        bool has = head < COUNT && at[head] >= 0;
        REAL value = has ? best[head] : (REAL)INFINITY;
        long long column = has ? at[head] : c.m;
        REAL least = value;
        long long winner = column;
        first(least, winner, heads, where);
        if (has && column == winner) ++head;
        if (threadIdx.x == 0) {
            columns[i * COUNT + k] = winner < c.m ? winner : -1;
            values[i * COUNT + k] = winner < c.m ? least : (REAL)INFINITY;
        }
    }
}

#else

extern "C" __global__ void cost_block(GroundCost c, REAL* out) {
    long long i = blockIdx.x;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) out[i * c.m + j] = cost(c, i, j);
}

extern "C" __global__ void cost_pairs(GroundCost c, const long long* rows, const long long* columns, REAL* out, long long count) {
    long long k = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (k < count) out[k] = cost(c, rows[k], columns[k]);
}

extern "C" __global__ void __launch_bounds__(THREADS) ctransform(GroundCost c, const REAL* g, REAL* out, long long* argmin) {
    __shared__ REAL values[THREADS];
    __shared__ long long columns[THREADS];
    long long i = (long long)blockIdx.x * ROWS, where[ROWS];
    REAL best[ROWS], tile[ROWS][COLUMNS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) best[r] = INFINITY, where[r] = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS * COLUMNS) {
        costs(c, i, j, tile);
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) {
            long long column = j + s * THREADS;
            if (column >= c.m) break;
            REAL potential = g[column];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                REAL value = tile[r][s] - potential;
                if (before(value, column, best[r], where[r])) best[r] = value, where[r] = column;
            }
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        first(best[r], where[r], values, columns);
        if (threadIdx.x == 0 && i + r < c.n) out[i + r] = best[r], argmin[i + r] = where[r];
    }
}

// Exponents are in bits. Every thread keeps the largest of its own and the sum relative to it.
extern "C" __global__ void __launch_bounds__(THREADS) softmin(GroundCost c, const REAL* potential, REAL epsilon, REAL* out) {
    __shared__ REAL values[THREADS];
    __shared__ long long columns[THREADS];
    long long i = (long long)blockIdx.x * ROWS;
    REAL top[ROWS], total[ROWS], tile[ROWS][COLUMNS], bits = (REAL)LOG2E / epsilon;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) top[r] = -INFINITY, total[r] = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS * COLUMNS) {
        costs(c, i, j, tile);
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) {
            if (j + s * THREADS >= c.m) break;
            REAL height = potential[j + s * THREADS];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                REAL exponent = (height - tile[r][s]) * bits;
                if (exponent > top[r]) {
                    total[r] = total[r] * exp2(top[r] - exponent) + 1;
                    top[r] = exponent;
                } else if (exponent > -INFINITY) {
                    total[r] += exp2(exponent - top[r]);
                }
            }
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        REAL highest = -top[r];
        long long nobody = 0;
        first(highest, nobody, values, columns);
        highest = -highest;
        REAL all = sum(highest > -INFINITY && total[r] > 0 ? total[r] * exp2(top[r] - highest) : (REAL)0, values);
        if (threadIdx.x == 0 && i + r < c.n) out[i + r] = all > 0 ? -(highest + log2(all)) / bits : (REAL)INFINITY;
    }
}

// One block to a row and VECTORS of the vectors, so that an exponential serves several.
extern "C" __global__ void gibbs(
    GroundCost c, const REAL* f, const REAL* g, REAL epsilon, const REAL* vectors, REAL* out, long long width) {
    __shared__ REAL values[THREADS];
    long long i = blockIdx.x, k = (long long)blockIdx.y * VECTORS;
    REAL total[VECTORS];
#pragma unroll
    for (int l = 0; l < VECTORS; ++l) total[l] = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL mass = exp((f[i] + g[j] - cost(c, i, j)) / epsilon);
#pragma unroll
        for (int l = 0; l < VECTORS; ++l)
            if (k + l < width) total[l] += mass * vectors[j * width + k + l];
    }
#pragma unroll
    for (int l = 0; l < VECTORS; ++l) {
        if (k + l >= width) break;
        REAL all = sum(total[l], values);
        if (threadIdx.x == 0) out[i * width + k + l] = all;
    }
}

extern "C" __global__ void gibbs_cost(
    GroundCost c, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* out) {
    __shared__ REAL values[THREADS];
    long long i = blockIdx.x;
    REAL total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL price = cost(c, i, j);
        if (price < INFINITY) total += exp((f[i] + g[j] - price) / epsilon) * weights[j] * price;
    }
    total = sum(total, values);
    if (threadIdx.x == 0) out[i] = total;
}

// One block to a row and a coordinate.
extern "C" __global__ void gibbs_slope(
    GroundCost c, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* out) {
#if INNER != 0 && INNER != 5
    __shared__ REAL values[THREADS];
    long long i = blockIdx.x / c.d, k = blockIdx.x % c.d;
    REAL total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL price = cost(c, i, j), t = c.x[i * c.d + k] - c.yt[k * c.m + j], outside = factor_of(c), slope;
#if INNER == 3
        REAL largest = longest(c, i, j), order = c.inner * c.outer;
        REAL base = pow(price / c.factor, 1 / order);
        outside = price > 0 ? c.factor * c.outer * pow(base, order - 1) * pow(base / largest, 1 - c.inner) : (REAL)0;
#else
        if (c.outer != (REAL)1) {
            REAL inside = pow(price / factor_of(c), (REAL)1 / c.outer);
            outside = inside > 0 ? factor_of(c) * c.outer * pow(inside, c.outer - 1) : (REAL)0;
        }
#endif
        REAL sign = (REAL)((t > 0) - (t < 0));
#if INNER == 1
        slope = sign;
#elif INNER == 2
        slope = 2 * t;
#elif INNER == 6
        slope = 2 * near_way(t, c.factor);
#elif INNER == 7
        REAL from = c.x[2 * i], to = c.yt[j], turned = c.x[2 * i + 1] - c.yt[c.m + j], rest;
        REAL h = haversine(from, c.x[2 * i + 1], to, c.yt[c.m + j], rest), half = sin(turned / 2);
        REAL north = sin(from - to) - 2 * sin(from) * cos(to) * half * half, east = cos(from) * cos(to) * sin(turned);
        slope = h * rest > 0 ? (k == 0 ? north : east) / (2 * sqrt(h * rest)) : (REAL)0;
#elif INNER == 3
        slope = largest > 0 ? c.inner * pow(fabs(t) / largest, c.inner - 1) * sign : (REAL)0;
#else
        long long first = 0;
        for (long long l = 1; l < c.d; ++l)
            if (fabs(c.x[i * c.d + l] - c.yt[l * c.m + j]) > fabs(c.x[i * c.d + first] - c.yt[first * c.m + j])) first = l;
        slope = first == k ? sign : (REAL)0;
#endif
        total += exp((f[i] + g[j] - price) / epsilon) * weights[j] * outside * slope;
    }
    total = sum(total, values);
    if (threadIdx.x == 0) out[i * c.d + k] = total;
#endif
}

extern "C" __global__ void cost_sums(GroundCost c, const REAL* weights, REAL* out) {
    __shared__ REAL values[THREADS];
    long long i = blockIdx.x;
    REAL total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL price = cost(c, i, j);
        if (price < INFINITY) total += weights[j] * price;
    }
    total = sum(total, values);
    if (threadIdx.x == 0) out[i] = total;
}

#endif
