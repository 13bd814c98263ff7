// Sums and minima over rows. A block takes TILE_ROWS rows and one of gridDim.y shares of the columns; what it finds of a row is joined with what
// the others found by a second kernel, so that a few rows fill the device as well.

// Where this block writes what it found of a row, or -1.
__device__ __forceinline__ long long place_of(const GroundCost& c, int r) {
    long long i = (long long)blockIdx.x * TILE_ROWS + row_of(r);
    return member_of() == 0 && i < c.n ? blockIdx.y * c.n + i : -1;
}

// ``join(into, of)`` of the values of all threads that share rows; the first of them has the outcome.
template <class Value, class Join>
__device__ __forceinline__ Value across(Value value, Join join) {
    __shared__ Value values[THREADS];
    Value* own = values + group_of() * ACROSS + member_of();
    *own = value;
    __syncthreads();
    for (int half = ACROSS / 2; half > 0; half /= 2) {
        if (member_of() < half) join(own[0], own[half]);
        __syncthreads();
    }
    value = *own;
    __syncthreads();
    return value;
}

struct Best {
    REAL value;
    long long column;
};

// The lower value, then the lower column.
struct Lower {
    __device__ __forceinline__ void operator()(Best& into, const Best& of) const {
        if (of.value < into.value || (of.value == into.value && of.column < into.column)) into = of;
    }
};

struct Minima {
    const REAL* g;
    REAL value[ROWS];
    int column[ROWS];

    __device__ __forceinline__ void take(const GroundCost& c, long long, long long j, REAL sums[ROWS][COLUMNS]) {
        REAL potential[COLUMNS];
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) potential[s] = j + column_of(s) < c.m ? g[j + column_of(s)] : -(REAL)INFINITY;
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) {
                REAL reduced = cost_of(c, sums[r][s]) - potential[s];
                if (reduced < value[r]) value[r] = reduced, column[r] = (int)j + column_of(s);
            }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) ctransform(
    GroundCost c, Packed clouds, const REAL* g, REAL* values, long long* columns) {
    Minima minima;
    minima.g = g;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) minima.value[r] = INFINITY, minima.column[r] = 0x7fffffff;
    over_columns(c, clouds, blockIdx.y, gridDim.y, minima);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        Best own = {minima.value[r], minima.column[r]}, best = across(own, Lower());
        long long at = place_of(c, r);
        if (at >= 0) values[at] = best.value, columns[at] = best.column;
    }
}

extern "C" __global__ void ctransform_joined(
    long long n, long long shares, const REAL* values, const long long* columns, REAL* out, long long* argmin) {
    long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    Best best = {values[i], columns[i]};
    for (long long k = 1; k < shares; ++k) {
        Best other = {values[k * n + i], columns[k * n + i]};
        Lower()(best, other);
    }
    out[i] = best.value, argmin[i] = best.value < (REAL)INFINITY ? best.column : 0;
}

// 2 ** top * total, where total does not matter if top is -inf.
struct Scaled {
    REAL top, total;
};

struct Added {
    __device__ __forceinline__ void operator()(Scaled& into, const Scaled& of) const {
        REAL top = fmax(into.top, of.top);
        if (top > -(REAL)INFINITY) into.total = lowered(into, top) + lowered(of, top);
        into.top = top;
    }

    static __device__ __forceinline__ REAL lowered(const Scaled& z, REAL top) {
        return z.top == top ? z.total : z.total * power_of_two(z.top - top);
    }
};

// Of exponentials, whose exponents are in bits: the largest so far, and the sum relative to it.
struct Exponentials {
    const REAL* potential;
    REAL bits;
    REAL top[ROWS], total[ROWS];

    __device__ __forceinline__ void take(const GroundCost& c, long long, long long j, REAL sums[ROWS][COLUMNS]) {
        REAL height[COLUMNS];
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) height[s] = j + column_of(s) < c.m ? potential[j + column_of(s)] : -(REAL)INFINITY;
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            REAL exponents[COLUMNS], most = top[r], sum = 0;
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) {
                exponents[s] = (height[s] - cost_of(c, sums[r][s])) * bits;
                most = fmax(most, exponents[s]);
            }
            REAL ground = is_finite(most) ? most : (REAL)0;
#pragma unroll
            for (int s = 0; s < COLUMNS; ++s) sum += power_of_two(exponents[s] - ground);
            if (sizeof(REAL) == 4 || most > top[r]) total[r] *= power_of_two(top[r] - ground);  // in double that costs more than a branch
            total[r] += sum, top[r] = most;
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) softmin(
    GroundCost c, Packed clouds, const REAL* potential, REAL epsilon, REAL* tops, REAL* totals) {
    Exponentials sums;
    sums.potential = potential, sums.bits = (REAL)LOG2E / epsilon;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) sums.top[r] = -INFINITY, sums.total[r] = 0;
    over_columns(c, clouds, blockIdx.y, gridDim.y, sums);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        Scaled own = {sums.top[r], sums.total[r]}, all = across(own, Added());
        long long at = place_of(c, r);
        if (at >= 0) tops[at] = all.top, totals[at] = all.total;
    }
}

extern "C" __global__ void softmin_joined(
    long long n, long long shares, const REAL* tops, const REAL* totals, REAL epsilon, REAL* out) {
    long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    Scaled all = {tops[i], totals[i]};
    for (long long k = 1; k < shares; ++k) {
        Scaled other = {tops[k * n + i], totals[k * n + i]};
        Added()(all, other);
    }
    out[i] = all.total > 0 ? -(all.top + log2(all.total)) / ((REAL)LOG2E / epsilon) : (REAL)INFINITY;
}

struct Plus {
    __device__ __forceinline__ void operator()(REAL& into, const REAL& of) const { into += of; }
};

// Of finite costs, weighted.
struct Costs {
    const REAL* weights;
    REAL total[ROWS];

    __device__ __forceinline__ void take(const GroundCost& c, long long, long long j, REAL sums[ROWS][COLUMNS]) {
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) {
            REAL weight = j + column_of(s) < c.m ? weights[j + column_of(s)] : (REAL)0;
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
                if (cost_of(c, sums[r][s]) < (REAL)INFINITY) total[r] += weight * cost_of(c, sums[r][s]);
        }
    }
};

// The same with weights of a Gibbs matrix.
struct GibbsCosts {
    const REAL *f, *g, *weights;
    REAL bits;
    REAL total[ROWS];

    __device__ __forceinline__ void take(const GroundCost& c, long long i, long long j, REAL sums[ROWS][COLUMNS]) {
#pragma unroll
        for (int s = 0; s < COLUMNS; ++s) {
            long long column = j + column_of(s);
            if (column >= c.m) break;
            REAL potential = g[column], weight = weights[column];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                REAL price = cost_of(c, sums[r][s]), height = f[within(i + row_of(r), c.n)] + potential - price;
                if (price < (REAL)INFINITY) total[r] += power_of_two(height * bits) * weight * price;
            }
        }
    }
};

template <class Fold>
__device__ __forceinline__ void totals_of(const GroundCost& c, const Packed& clouds, Fold& fold, REAL* totals) {
#pragma unroll
    for (int r = 0; r < ROWS; ++r) fold.total[r] = 0;
    over_columns(c, clouds, blockIdx.y, gridDim.y, fold);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        REAL all = across(fold.total[r], Plus());
        long long at = place_of(c, r);
        if (at >= 0) totals[at] = all;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) cost_sums(
    GroundCost c, Packed clouds, const REAL* weights, REAL* totals) {
    Costs sums;
    sums.weights = weights;
    totals_of(c, clouds, sums, totals);
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) gibbs_cost(
    GroundCost c, Packed clouds, const REAL* f, const REAL* g, REAL epsilon, const REAL* weights, REAL* totals) {
    GibbsCosts sums;
    sums.f = f, sums.g = g, sums.weights = weights, sums.bits = (REAL)LOG2E / epsilon;
    totals_of(c, clouds, sums, totals);
}

extern "C" __global__ void totals_joined(long long n, long long shares, const REAL* totals, REAL* out) {
    long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    REAL all = totals[i];
    for (long long k = 1; k < shares; ++k) all += totals[k * n + i];
    out[i] = all;
}
