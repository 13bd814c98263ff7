// Of a number for each row or column, what lies between the two halves of a sweep: in double precision, on to what soft minima take.

#define HERE ((long long)blockIdx.x * THREADS + threadIdx.x)

// Potentials and weights as heights.
extern "C" __global__ void raised(long long n, const double* potential, const double* weights, double epsilon, REAL* heights) {
    long long i = HERE;
    if (i < n) heights[i] = potential[i] + epsilon * log(weights[i]);
}

// Logarithms of row sums from their soft minima, and the heights of rows divided by a power of them.
extern "C" __global__ void divided(
    long long n, const double* potential, const double* weights, double epsilon, const REAL* soft, double power, double floor,
    double* logarithms, REAL* heights) {
    long long i = HERE;
    if (i >= n) return;
    double logarithm = (potential[i] - (double)soft[i]) / epsilon;
    logarithms[i] = logarithm;
    heights[i] = potential[i] + epsilon * (log(weights[i]) - power * (logarithm < floor ? floor : logarithm));
}

// Column sums from their soft minima.
extern "C" __global__ void summed(long long n, const double* potential, double epsilon, const REAL* soft, double* sums) {
    long long i = HERE;
    if (i < n) sums[i] = exp((potential[i] - (double)soft[i]) / epsilon);
}
