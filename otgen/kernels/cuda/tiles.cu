// Costs by tiles: a block computes TILE_ROWS x TILE_COLUMNS at a time from coordinates in shared memory, each thread ROWS x COLUMNS of
// them in registers. Threads stand DOWN by ACROSS.

#define DOWN (THREADS / ACROSS)
#define TILE_ROWS (DOWN * ROWS)
#define TILE_COLUMNS (ACROSS * COLUMNS)
#ifndef DEPTH
#define DEPTH 8  // coordinates at a time
#endif
#define GROUP (16 / (int)sizeof(REAL))   // numbers that are read at once
#define ALIGNED __align__(16)

struct Tile {
    ALIGNED REAL x[DEPTH][TILE_ROWS + GROUP];  // padded: what is written by columns falls into different banks
    ALIGNED REAL y[DEPTH][TILE_COLUMNS + GROUP];
};

// Which row and column of the tile is the r-th and the s-th of this thread.
__device__ __forceinline__ int row_of(int r) { return threadIdx.x / ACROSS * ROWS + r; }
__device__ __forceinline__ int column_of(int s) {
    return s / GROUP * (ACROSS * GROUP) + threadIdx.x % ACROSS * GROUP + s % GROUP;
}

__device__ __forceinline__ long long within(long long index, long long size) { return index < size ? index : size - 1; }

// DEPTH coordinates from k on of WIDTH points from i on; 0 beyond the last coordinate, the last point beyond it. Neighbouring threads read
// neighbouring numbers, whichever way points lie.
template <int WIDTH>
__device__ __forceinline__ void load(
    REAL (*out)[WIDTH + GROUP], const REAL* points, long long i, long long n, long long k, long long d, long long point,
    long long next) {
    for (int e = threadIdx.x; e < DEPTH * WIDTH; e += THREADS) {
        int at = next == 1 ? e / DEPTH : e % WIDTH, of = next == 1 ? e % DEPTH : e / WIDTH;
        out[of][at] = k + of < d ? points[within(i + at, n) * point + (k + of) * next] : (REAL)0;
    }
}

__device__ __forceinline__ void accumulate(const GroundCost& c, const Tile& tile, int k, REAL out[ROWS][COLUMNS]) {
    REAL x[ROWS], y[COLUMNS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) x[r] = tile.x[k][row_of(r)];
#pragma unroll
    for (int s = 0; s < COLUMNS; ++s) y[s] = tile.y[k][column_of(s)];
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) out[r][s] = added(c, out[r][s], x[r], y[s]);
}

// What costs are powers of, between the tile's rows from i on and its columns from j on; beyond the last, those of the last. ``again`` says
// that the rows are those of the tile before.
__device__ __forceinline__ void sums_of(
    const GroundCost& c, long long i, long long j, Tile& tile, bool again, REAL out[ROWS][COLUMNS]) {
#if INNER == 0 || INNER == 3 || INNER == 7
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) out[r][s] = cost(c, within(i + row_of(r), c.n), within(j + column_of(s), c.m));
#else
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) out[r][s] = 0;
    for (long long k = 0; k < c.d; k += DEPTH) {
        __syncthreads();
        if (!(again && c.d <= DEPTH)) load<TILE_ROWS>(tile.x, c.x, i, c.n, k, c.d, c.x_row, c.x_next);
        load<TILE_COLUMNS>(tile.y, c.yt, j, c.m, k, c.d, c.y_column, c.y_next);
        __syncthreads();
        if (c.d - k >= DEPTH) {
#pragma unroll
            for (int l = 0; l < DEPTH; ++l) accumulate(c, tile, l, out);
        } else {
            for (int l = 0; l < c.d - k; ++l) accumulate(c, tile, l, out);
        }
    }
#endif
}

// The cost of a pair whose sum is this.
__device__ __forceinline__ REAL cost_of(const GroundCost& c, REAL sum) {
#if INNER == 0 || INNER == 3 || INNER == 7
    return sum;
#else
    return powered(c, sum);
#endif
}

__device__ __forceinline__ void costs_of(
    const GroundCost& c, long long i, long long j, Tile& tile, bool again, REAL out[ROWS][COLUMNS]) {
    sums_of(c, i, j, tile, again, out);
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) out[r][s] = cost_of(c, out[r][s]);
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
