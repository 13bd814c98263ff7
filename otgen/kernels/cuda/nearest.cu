// The COUNT smallest reduced costs of every row, one block to a row.

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
