// A cloud as tiles read it. Of points (n, d), any strides: coordinates (depth, points), those of the last point beyond it, 0 beyond the last
// coordinate. Neighbouring threads write neighbouring numbers.
extern "C" __global__ void packed(
    long long count, long long points, REAL* out, const REAL* cloud, long long n, long long d, long long point, long long next) {
    long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (at >= count) return;
    long long k = at / points, i = at % points;
    out[at] = k < d ? cloud[(i < n ? i : n - 1) * point + k * next] : (REAL)0;
}
