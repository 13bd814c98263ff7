// A cloud as tiles read it. Of points (n, d), any strides: ``depth`` coordinates of ``count`` points, those of the last beyond it, 0 beyond the last
// coordinate. Neighbouring threads write neighbouring numbers.
extern "C" __global__ void packed(
    const REAL* points, long long n, long long d, long long point, long long next, REAL* out, long long depth, long long count) {
    long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (at >= depth * count) return;
    long long k = at / count, i = at % count;
    out[at] = k < d ? points[(i < n ? i : n - 1) * point + k * next] : (REAL)0;
}
