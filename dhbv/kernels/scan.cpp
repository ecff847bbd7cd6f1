// The time loop around one generated day of HBV, forward and in reverse.
//
// Columns, one per basin and component, are worked on in tiles of LANES at a time; tiles are shared
// among threads. A tile keeps its stores in registers over all days and writes means over components.
// For the gradient every SEGMENT days the stores are kept; the reverse pass computes those between anew.
//
// Compiled with -DREAL=float or double. Vectors are as wide as the machine for which it is compiled.

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr int WIDTH = 64;  // bytes
#elif defined(__AVX2__)
constexpr int WIDTH = 32;
#else
constexpr int WIDTH = 16;
#endif

typedef REAL Real;
template <int size> struct Bits;  // the format of a floating-point number of so many bytes
template <> struct Bits<4> {
    typedef uint32_t Unsigned;
    typedef int32_t Signed;
    static constexpr int mantissa = 23, bias = 127, log_terms = 6, exp_terms = 8;
};
template <> struct Bits<8> {
    typedef uint64_t Unsigned;
    typedef int64_t Signed;
    static constexpr int mantissa = 52, bias = 1023, log_terms = 12, exp_terms = 15;
};
typedef Bits<sizeof(Real)> Format;

typedef Real V __attribute__((vector_size(WIDTH)));              // numbers, one per lane
typedef Format::Signed M __attribute__((vector_size(WIDTH)));    // truth values, 0 or -1
typedef Format::Unsigned U __attribute__((vector_size(WIDTH)));  // bits

constexpr int WIDE = WIDTH / sizeof(Real);  // lanes of a vector
constexpr int VECTORS = 2;                  // of a tile, to have independent work at hand
constexpr int LANES = VECTORS * WIDE;
constexpr int64_t SEGMENT = 32;  // days between kept stores

INLINE V all(Real x) { return V{} + x; }
INLINE V minimum(V a, V b) { return a < b ? a : b; }
INLINE V maximum(V a, V b) { return a > b ? a : b; }

// log2 of normal x > 0: x = 2^n m with m in [√½, √2), log2 m = 2/ln 2 · artanh s, s = (m − 1) / (m + 1).
INLINE V log2(V x) {
    constexpr auto shift = Format::mantissa;
    constexpr Format::Unsigned one = Format::Unsigned(Format::bias) << shift;
    constexpr Format::Unsigned root = sizeof(Real) == 4 ? 0x3f3504f3u : 0x3fe6a09e667f3bcdu;
    const U bits = (U)x;
    const U exponent = (bits + (one - root)) >> shift;  // biased
    const V m = (V)(bits - (exponent << shift) + one);
    // The exponent in the low bits of 2^mantissa is that much more than 2^mantissa.
    constexpr Format::Unsigned magic = Format::Unsigned(Format::bias + shift) << shift;
    const V n = (V)(exponent | magic) - Real((Format::Unsigned(1) << shift) + Format::bias);
    const V s = (m - Real(1)) / (m + Real(1)), z = s * s;
    V sum = V{};
#pragma GCC unroll 16
    for (int k = Format::log_terms - 1; k >= 0; --k) sum = sum * z + Real(2.8853900817779268) / (2 * k + 1);
    return n + s * sum;
}

// 2^x, the result bounded to normal numbers: x = n + r with |r| ≤ ½, 2^r by its Taylor series.
INLINE V exp2(V x) {
    constexpr auto shift = Format::mantissa;
    x = minimum(maximum(x, all(1 - Format::bias)), all(Format::bias));
    const V magic = all(Real(3) * Real(Format::Unsigned(1) << (shift - 1)));  // whose last bit stands for 1
    const V shifted = x + magic, r = x - (shifted - magic);
    constexpr double ln2 = 0.6931471805599453;
    V sum = V{};
#pragma GCC unroll 16
    for (int k = Format::exp_terms - 1; k >= 0; --k) {
        double c = 1;
        for (int i = 1; i <= k; ++i) c *= ln2 / i;
        sum = sum * r + Real(c);
    }
    return (V)((U)sum + (((U)shifted - (U)magic) << shift));
}

// {{ step and adjoint }}

// What a run reads and writes; dhbv.kernels.build has its twin. Unwanted results are null.
struct Run {
    int64_t days, basins, components, threads;
    const Real* weather;                 // [days, basins, WEATHER]
    const Real* parameters[PARAMETERS];  // [basins, components] or [days, basins, components]
    int64_t strides[PARAMETERS];         // from day to day; 0 for a static parameter
    const Real* stores[STORES];          // [basins, components] at the beginning
    Real* ends[STORES];                  // and at the end
    Real* outputs[OUTPUTS];              // [days, basins], means over components
    Real* kept;                          // [segments, STORES, basins, components]
    // The reverse pass reads the next two and writes the others.
    const Real* d_ends[STORES];
    const Real* d_outputs[OUTPUTS];
    Real* d_stores[STORES];
    Real* d_weather;
    Real* d_parameters[PARAMETERS];
};

// The columns [column, column + columns) of one basin, or all columns of several.
struct Tile {
    int64_t column, columns, basin, basins;
    bool first;  // of the tiles of a basin that needs several: the others add to its results
};

// Lane l of vector n of a tile, at `values`. Lanes without a column repeat the last: always safe to compute.
template <bool full> INLINE V load(const Real* values, const Tile& tile, int n) {
    V v;
    if (full)
        std::memcpy(&v, values + n * WIDE, sizeof v);
    else
        for (int l = 0; l < WIDE; ++l) v[l] = values[std::min<int64_t>(n * WIDE + l, tile.columns - 1)];
    return v;
}

template <bool full> INLINE void store(Real* values, const Tile& tile, int n, V v) {
    if (full)
        std::memcpy(values + n * WIDE, &v, sizeof v);
    else
        for (int l = 0; l < WIDE && n * WIDE + l < tile.columns; ++l) values[n * WIDE + l] = v[l];
}

INLINE Real total(V v) {
    typedef Real Half __attribute__((vector_size(WIDTH / 2)));
    Half low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, (const char*)&v + sizeof low, sizeof high);
    low += high;
    Real sum = 0;
    for (int l = 0; l < WIDE / 2; ++l) sum += low[l];
    return sum;
}

// One value per basin, `apart` numbers from one to the next, to all lanes of each basin.
INLINE void spread(const Real* values, int apart, const Tile& tile, int64_t components, V (&v)[VECTORS]) {
    if (tile.basins == 1) {
        for (int n = 0; n < VECTORS; ++n) v[n] = all(*values);
        return;
    }
    Real lanes[LANES];
    int l = 0;
    for (int64_t b = 0; b < tile.basins; ++b)
        for (int64_t m = 0; m < components; ++m) lanes[l++] = values[b * apart];
    for (; l < LANES; ++l) lanes[l] = values[(tile.basins - 1) * apart];
    std::memcpy(&v, lanes, sizeof lanes);
}

// The sum over the components of each basin; the reverse of `spread`.
INLINE void gather(const V (&v)[VECTORS], int apart, const Tile& tile, int64_t components, Real* values) {
    if (tile.basins == 1) {
        V sum = v[0];
        for (int n = 1; n < VECTORS; ++n) sum += v[n];
        *values = tile.first ? total(sum) : *values + total(sum);
        return;
    }
    Real lanes[LANES];
    std::memcpy(lanes, &v, sizeof lanes);
    for (int64_t b = 0, l = 0; b < tile.basins; ++b) {
        Real sum = 0;
        for (int64_t m = 0; m < components; ++m) sum += lanes[l++];
        values[b * apart] = sum;
    }
}

// A tile's hold on a run: its parameters and weather of the day, and what each lane counts in a mean.
template <bool full> struct Day {
    const Run& run;
    const Tile& tile;
    V theta[VECTORS][PARAMETERS], weather[VECTORS][WEATHER], share[VECTORS];
    int dynamic[PARAMETERS], dynamics = 0;

    __attribute__((always_inline)) inline Day(const Run& run, const Tile& tile) : run(run), tile(tile) {
        for (int n = 0; n < VECTORS; ++n)
            for (int l = 0; l < WIDE; ++l) share[n][l] = n * WIDE + l < tile.columns ? Real(1) / run.components : 0;
        for (int k = 0; k < PARAMETERS; ++k) {
            if (run.strides[k]) dynamic[dynamics++] = k;
            read(k, 0);
        }
    }

    // A value that is not finite makes the lane's share NaN, and with it the basin's results from now on:
    // minima and comparisons in a step could otherwise lose it.
    __attribute__((always_inline)) inline void read(int k, int64_t t) {
        const Real* values = run.parameters[k] + t * run.strides[k] + tile.column;
        for (int n = 0; n < VECTORS; ++n) {
            theta[n][k] = load<full>(values, tile, n);
            share[n] += 0 * theta[n][k];
        }
    }

    __attribute__((always_inline)) inline void go_to(int64_t t) {
        for (int j = 0; j < dynamics; ++j) read(dynamic[j], t);
        const Real* today = run.weather + (t * run.basins + tile.basin) * WEATHER;
        for (int k = 0; k < WEATHER; ++k) {
            V values[VECTORS];
            spread(today + k, WEATHER, tile, run.components, values);
            for (int n = 0; n < VECTORS; ++n) weather[n][k] = values[n];
        }
    }
};

template <bool full> static void forward(const Run& run, const Tile& tile) {
    Day<full> day(run, tile);
    const int64_t columns = run.basins * run.components;
    int wanted[OUTPUTS], wants = 0;
    for (int k = 0; k < OUTPUTS; ++k)
        if (run.outputs[k]) wanted[wants++] = k;
    V stores[VECTORS][STORES], y[VECTORS][OUTPUTS];
    for (int n = 0; n < VECTORS; ++n)
        for (int k = 0; k < STORES; ++k) {
            stores[n][k] = load<full>(run.stores[k] + tile.column, tile, n);
            day.share[n] += 0 * stores[n][k];
        }
    for (int64_t t = 0; t < run.days; ++t) {
        if (run.kept && t % SEGMENT == 0)
            for (int n = 0; n < VECTORS; ++n)
                for (int k = 0; k < STORES; ++k)
                    store<full>(run.kept + (t / SEGMENT * STORES + k) * columns + tile.column, tile, n, stores[n][k]);
        day.go_to(t);
#pragma GCC unroll 4
        for (int n = 0; n < VECTORS; ++n) step(stores[n], day.weather[n], day.theta[n], y[n]);
        for (int j = 0; j < wants; ++j) {
            const int k = wanted[j];
            V means[VECTORS];
            for (int n = 0; n < VECTORS; ++n) means[n] = y[n][k] * day.share[n];
            gather(means, 1, tile, run.components, run.outputs[k] + t * run.basins + tile.basin);
        }
    }
    for (int n = 0; n < VECTORS; ++n)
        for (int k = 0; k < STORES; ++k)
            store<full>(run.ends[k] + tile.column, tile, n, stores[n][k] + 0 * day.share[n]);
}

// `runoff`: no other outputs have a gradient, which spares their terms.
template <bool full, bool runoff> static void reverse(const Run& run, const Tile& tile) {
    Day<full> day(run, tile);
    const int64_t columns = run.basins * run.components;
    V d_stores[VECTORS][STORES], d_theta[VECTORS][PARAMETERS] = {}, d_weather[VECTORS][WEATHER];
    V unused[OUTPUTS];
    V before[SEGMENT][VECTORS][STORES];  // stores at the beginning of each day of a segment
    for (int n = 0; n < VECTORS; ++n)
        for (int k = 0; k < STORES; ++k)
            d_stores[n][k] = run.d_ends[k] ? load<full>(run.d_ends[k] + tile.column, tile, n) : V{};
    for (int64_t segment = (run.days - 1) / SEGMENT; segment >= 0; --segment) {
        const int64_t start = segment * SEGMENT, end = std::min(run.days, start + SEGMENT);
        for (int n = 0; n < VECTORS; ++n)
            for (int k = 0; k < STORES; ++k)
                before[0][n][k] = load<full>(run.kept + (segment * STORES + k) * columns + tile.column, tile, n);
        for (int64_t t = start; t + 1 < end; ++t) {
            day.go_to(t);
#pragma GCC unroll 4
            for (int n = 0; n < VECTORS; ++n) {
                V stores[STORES];
                std::memcpy(&stores, &before[t - start][n], sizeof stores);
                step(stores, day.weather[n], day.theta[n], unused);
                std::memcpy(&before[t + 1 - start][n], &stores, sizeof stores);
            }
        }
        for (int64_t t = end - 1; t >= start; --t) {
            day.go_to(t);
            V d_y[VECTORS][OUTPUTS] = {};
#pragma GCC unroll 32
            for (int k = 0; k < OUTPUTS; ++k) {
                if ((runoff && !RUNOFF[k]) || !run.d_outputs[k]) continue;
                V values[VECTORS];
                spread(run.d_outputs[k] + t * run.basins + tile.basin, 1, tile, run.components, values);
                for (int n = 0; n < VECTORS; ++n) d_y[n][k] = values[n] * day.share[n];
            }
#pragma GCC unroll 4
            for (int n = 0; n < VECTORS; ++n) {
                for (int k = 0; k < WEATHER; ++k) d_weather[n][k] = V{};
                adjoint(before[t - start][n], day.weather[n], day.theta[n], d_stores[n], d_y[n], d_weather[n], d_theta[n]);
            }
            for (int j = 0; j < day.dynamics; ++j) {
                const int k = day.dynamic[j];
                if (!run.d_parameters[k]) continue;
                for (int n = 0; n < VECTORS; ++n) {
                    store<full>(run.d_parameters[k] + t * run.strides[k] + tile.column, tile, n, d_theta[n][k]);
                    d_theta[n][k] = V{};
                }
            }
            if (!run.d_weather) continue;
            for (int k = 0; k < WEATHER; ++k) {
                V values[VECTORS];
                for (int n = 0; n < VECTORS; ++n) values[n] = day.share[n] != 0 ? d_weather[n][k] : V{};
                gather(values, WEATHER, tile, run.components, run.d_weather + (t * run.basins + tile.basin) * WEATHER + k);
            }
        }
    }
    for (int n = 0; n < VECTORS; ++n) {
        for (int k = 0; k < STORES; ++k)
            if (run.d_stores[k]) store<full>(run.d_stores[k] + tile.column, tile, n, d_stores[n][k]);
        for (int k = 0; k < PARAMETERS; ++k)
            if (run.d_parameters[k] && !run.strides[k])
                store<full>(run.d_parameters[k] + tile.column, tile, n, d_theta[n][k]);
    }
}

// While it lives, numbers too small to be normal count as 0: stores in recession would slow the processor.
struct FlushDenormals {
#if defined(__SSE__)
    const unsigned before = _mm_getcsr();
    FlushDenormals() { _mm_setcsr(before | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before); }
#endif
};

// Calls `work` for each group of tiles that one thread must do in order.
template <typename Work> static void for_tiles(const Run& run, Work work) {
    const int64_t together = std::max<int64_t>(LANES / run.components, 1);  // basins of a tile
    const int64_t groups = (run.basins + together - 1) / together;
#pragma omp parallel num_threads(run.threads)
    {
        FlushDenormals flush;
#pragma omp for schedule(dynamic, 1)
        for (int64_t g = 0; g < groups; ++g) {
            const int64_t basin = g * together, basins = std::min(together, run.basins - basin);
            const int64_t first = basin * run.components, end = first + basins * run.components;
            for (int64_t c = first; c < end; c += LANES)
                work(Tile{c, std::min<int64_t>(LANES, end - c), basin, basins, c == first});
        }
    }
}

extern "C" void run_forward(const Run* run) {
    for_tiles(*run, [run](const Tile& tile) {
        tile.columns == LANES ? forward<true>(*run, tile) : forward<false>(*run, tile);
    });
}

extern "C" void run_reverse(const Run* run) {
    bool runoff = true;
    for (int k = 0; k < OUTPUTS; ++k) runoff &= RUNOFF[k] || !run->d_outputs[k];
    for_tiles(*run, [run, runoff](const Tile& tile) {
        if (tile.columns < LANES)
            reverse<false, false>(*run, tile);
        else
            runoff ? reverse<true, true>(*run, tile) : reverse<true, false>(*run, tile);
    });
}
