// The kernels of otgen for CUDA: one block to a row, its threads stride over the columns.
// Compiled once for each REAL (float, double) and INNER (0: a listed matrix, 1, 2, 3: any power, 4: infinity, 5: inner products).

#define THREADS 256

struct Ground {
    const REAL* x;       // (n, d)
    const REAL* yt;      // (d, m)
    const REAL* matrix;  // (n, m), if INNER is 0
    long long n, m, d;
    REAL inner, outer, factor;
};

__device__ __forceinline__ REAL cost(const Ground& c, long long i, long long j) {
#if INNER == 0
    return c.matrix[i * c.m + j];
#else
    REAL total = 0;
#if INNER == 5
    for (long long k = 0; k < c.d; ++k) total += c.x[i * c.d + k] * c.yt[k * c.m + j];
    return c.factor * total;
#else
    for (long long k = 0; k < c.d; ++k) {
        REAL t = fabs(c.x[i * c.d + k] - c.yt[k * c.m + j]);
#if INNER == 1
        total += t;
#elif INNER == 2
        total += t * t;
#elif INNER == 3
        total += pow(t, c.inner);
#else
        total = total > t ? total : t;
#endif
    }
    if (c.outer == (REAL)0.5) total = sqrt(total);
    else if (c.outer == (REAL)2) total = total * total;
    else if (c.outer != (REAL)1) total = pow(total, c.outer);
    return c.factor * total;
#endif
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

extern "C" __global__ void cost_block(Ground c, REAL* out) {
    long long i = blockIdx.x;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) out[i * c.m + j] = cost(c, i, j);
}

extern "C" __global__ void cost_pairs(Ground c, const long long* rows, const long long* columns, REAL* out, long long count) {
    long long k = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (k < count) out[k] = cost(c, rows[k], columns[k]);
}

extern "C" __global__ void ctransform(Ground c, const REAL* g, REAL* out, long long* argmin) {
    __shared__ REAL values[THREADS];
    __shared__ long long columns[THREADS];
    long long i = blockIdx.x, where = 0;
    REAL best = INFINITY;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL value = cost(c, i, j) - g[j];
        if (before(value, j, best, where)) best = value, where = j;
    }
    first(best, where, values, columns);
    if (threadIdx.x == 0) out[i] = best, argmin[i] = where;
}

// Every thread keeps its own COUNT best in order; then COUNT times the first of all threads' heads is taken.
extern "C" __global__ void nearest(Ground c, const REAL* g, const REAL* below, long long* columns, REAL* values) {
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

extern "C" __global__ void softmin(Ground c, const REAL* potential, REAL epsilon, REAL* out) {
    __shared__ REAL values[THREADS];
    __shared__ long long columns[THREADS];
    long long i = blockIdx.x, nobody = 0;
    REAL top = -INFINITY, total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL exponent = (potential[j] - cost(c, i, j)) / epsilon;
        if (exponent > top) {
            total = total * exp(top - exponent) + 1;
            top = exponent;
        } else if (exponent > -INFINITY) {
            total += exp(exponent - top);
        }
    }
    REAL highest = -top;
    first(highest, nobody, values, columns);
    highest = -highest;
    total = sum(highest > -INFINITY && total > 0 ? total * exp(top - highest) : (REAL)0, values);
    if (threadIdx.x == 0) out[i] = total > 0 ? -epsilon * (highest + log(total)) : (REAL)INFINITY;
}

extern "C" __global__ void gibbs(
    Ground c, const REAL* f, const REAL* g, REAL epsilon, const REAL* vectors, REAL* out, long long width) {
    __shared__ REAL values[THREADS];
    long long i = blockIdx.x, k = blockIdx.y;
    REAL total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS)
        total += exp((f[i] + g[j] - cost(c, i, j)) / epsilon) * vectors[j * width + k];
    total = sum(total, values);
    if (threadIdx.x == 0) out[i * width + k] = total;
}

extern "C" __global__ void gibbs_cost(
    Ground c, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* out) {
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
    Ground c, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* out) {
#if INNER != 0 && INNER != 5
    __shared__ REAL values[THREADS];
    long long i = blockIdx.x, k = blockIdx.y;
    REAL total = 0;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) {
        REAL price = cost(c, i, j), t = c.x[i * c.d + k] - c.yt[k * c.m + j], outside = c.factor, slope;
        if (c.outer != (REAL)1) {
            REAL inside = pow(price / c.factor, (REAL)1 / c.outer);
            outside = inside > 0 ? c.factor * c.outer * pow(inside, c.outer - 1) : (REAL)0;
        }
        REAL sign = (REAL)((t > 0) - (t < 0));
#if INNER == 1
        slope = sign;
#elif INNER == 2
        slope = 2 * t;
#elif INNER == 3
        slope = c.inner * pow(fabs(t), c.inner - 1) * sign;
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

extern "C" __global__ void cost_sums(Ground c, const REAL* weights, REAL* out) {
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
