// What a pair costs. A source of kernels is this file and others, compiled once for each REAL (float, double) and INNER (0: a listed matrix, 1, 2,
// 3: any power, 4: infinity, 5: inner products, 6: the near way round a period, 7: angles on the sphere) and OUTER (twice the outer power if that
// is 1, 2 or 4, else 0); blocks are of THREADS threads.

#ifndef INFINITY
#define INFINITY __longlong_as_double(0x7ff0000000000000LL)
#endif
#define LOG2E 1.4426950408889634

struct GroundCost {
    const REAL* x;       // (n, d), any strides
    const REAL* yt;      // (d, m), any strides
    const REAL* matrix;  // (n, m), any strides, if INNER is 0
    long long n, m, d;
    long long x_row, x_next, y_next, y_column, matrix_row, matrix_column;  // from one to the next, in numbers
    REAL inner, outer, factor;

    __device__ __forceinline__ REAL source(long long i, long long k) const { return x[i * x_row + k * x_next]; }
    __device__ __forceinline__ REAL target(long long k, long long j) const { return yt[k * y_next + j * y_column]; }
    __device__ __forceinline__ REAL listed(long long i, long long j) const { return matrix[i * matrix_row + j * matrix_column]; }
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
#if INNER == 6 || INNER == 7
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
#if INNER == 5 || OUTER == 2
    return factor_of(c) * total;
#elif OUTER == 1
    return factor_of(c) * sqrt(total);
#elif OUTER == 4
    return factor_of(c) * (total * total);
#else
    return factor_of(c) * pow(total, c.outer);
#endif
}

// The largest difference of a coordinate.
__device__ __forceinline__ REAL longest(const GroundCost& c, long long i, long long j) {
    REAL largest = 0;
    for (long long k = 0; k < c.d; ++k) largest = fmax(largest, fabs(c.source(i, k) - c.target(k, j)));
    return largest;
}

// Powers of differences with the largest taken out: of the others no power overflows.
__device__ REAL minkowski(const GroundCost& c, long long i, long long j) {
    REAL total = 0, largest = longest(c, i, j);
    if (!(largest > 0)) return 0;
    for (long long k = 0; k < c.d; ++k) total += pow(fabs(c.source(i, k) - c.target(k, j)) / largest, c.inner);
    return c.factor * pow(largest * pow(total, 1 / c.inner), c.inner * c.outer);
}

__device__ __forceinline__ REAL cost(const GroundCost& c, long long i, long long j) {
#if INNER == 0
    return c.listed(i, j);
#else
#if INNER == 3
    return minkowski(c, i, j);
#endif
    REAL total = 0;
#if INNER == 7
    total = angle(c.source(i, 0), c.source(i, 1), c.target(0, j), c.target(1, j)) / c.factor;
#else
    for (long long k = 0; k < c.d; ++k) total = added(c, total, c.source(i, k), c.target(k, j));
#endif
    return powered(c, total);
#endif
}
