// The costs themselves: all of them, or those that are listed.

extern "C" __global__ void cost_block(GroundCost c, REAL* out) {
    long long i = blockIdx.x;
    for (long long j = threadIdx.x; j < c.m; j += THREADS) out[i * c.m + j] = cost(c, i, j);
}

extern "C" __global__ void cost_pairs(GroundCost c, const long long* rows, const long long* columns, REAL* out, long long count) {
    long long k = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (k < count) out[k] = cost(c, rows[k], columns[k]);
}
