// The time loop around one generated day of HBV, forward and in reverse.
//
// Columns, one per basin and component, are worked on in tiles of LANES at a time; tiles are shared
// among threads. A tile keeps its stores in registers over all days and writes means over components.
// For the gradient every SEGMENT days the stores are kept; the reverse pass computes those between anew.

constexpr int64_t SEGMENT = 32;  // days between kept stores

template <bool runoff, int k, int count> INLINE V wanted(const V (&d_y)[count]);

// {{ step and adjoint }}

template <bool runoff, int k, int count> INLINE V wanted(const V (&d_y)[count]) {
    return runoff && !RUNOFF[k] ? all(0) : d_y[k];
}

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

// The tile's lanes of `values`. Lanes without a column repeat the last: always safe to compute with.
template <bool full> INLINE V load(const Real* values, const Tile& tile) {
    if (full) return read(values);
    Real lanes[LANES];
    for (int64_t l = 0; l < LANES; ++l) lanes[l] = values[std::min(l, tile.columns - 1)];
    return read(lanes);
}

template <bool full> INLINE void store(Real* values, const Tile& tile, const V& v) {
    if (full) return write(values, v);
    Real lanes[LANES];
    write(lanes, v);
    std::memcpy(values, lanes, tile.columns * sizeof(Real));
}

template <int n> struct Numbers {
    typedef Real Vector __attribute__((vector_size(n * sizeof(Real))));
};

// The sum of n numbers: the upper half of the vector is added to the lower until two are left.
template <int n> INLINE Real total(typename Numbers<n>::Vector v) {
    if constexpr (n > 2) {
        typename Numbers<n / 2>::Vector low, high;
        std::memcpy(&low, &v, sizeof low);
        std::memcpy(&high, (const char*)&v + sizeof low, sizeof high);
        return total<n / 2>(low + high);
    } else {
        return v[0] + v[1];
    }
}

// The sums of LANES / 2 vectors, side by side: halves of two vectors are added and laid together, then quarters.
typedef V::Vector Vector;
template <int count> INLINE Vector totals(const Vector (&v)[count]) {
    if constexpr (count == 1) {
        return v[0];
    } else {
        M::Vector low = {}, high = {};
        constexpr int block = count / 2;
#pragma GCC unroll 64
        for (int l = 0; l < LANES / 2; ++l) {
            low[l] = l / (2 * block) * (2 * block) + l % block + (l / block % 2 ? LANES / 2 : 0);
            high[l] = low[l] + block;
        }
        Vector sums[block];
#pragma GCC unroll 64
        for (int k = 0; k < block; ++k)
            sums[k] = __builtin_shuffle(v[k], v[k + block], low) + __builtin_shuffle(v[k], v[k + block], high);
        return totals<block>(sums);
    }
}

// One value per basin, `apart` numbers from one to the next, to all lanes of each basin.
__attribute__((noinline)) static V spread_among(const Real* values, int apart, const Tile& tile) {
    Real lanes[LANES];
    const int64_t components = tile.columns / tile.basins;
    for (int64_t l = 0; l < LANES; ++l) lanes[l] = values[std::min(l / components, tile.basins - 1) * apart];
    return read(lanes);
}
INLINE V spread(const Real* values, int apart, const Tile& tile) {
    return tile.basins == 1 ? all(*values) : spread_among(values, apart, tile);
}

// The sum over the components of each basin; the reverse of `spread`.
__attribute__((noinline)) static void gather_each(const V& v, int apart, const Tile& tile, Real* values) {
    Real lanes[LANES];
    const int64_t components = tile.columns / tile.basins;
    write(lanes, v);
    for (int64_t b = 0; b < tile.basins; ++b) {
        Real sum = 0;
        for (int64_t m = 0; m < components; ++m) sum += lanes[b * components + m];
        values[b * apart] = sum;
    }
}
INLINE void gather(const V& v, int apart, const Tile& tile, Real* values) {
    if (tile.basins == 1)
        *values = (tile.first ? 0 : *values) + total<LANES / 2>(v.a + v.b);
    else
        gather_each(v, apart, tile, values);
}

// A tile's hold on a run: its parameters and weather of the day, and what each lane counts in a mean.
template <bool full> struct Day {
    const Run& run;
    const Tile& tile;
    V theta[PARAMETERS], weather[WEATHER], share;
    int dynamic[PARAMETERS], dynamics = 0;

    MEMBER Day(const Run& run, const Tile& tile) : run(run), tile(tile) {
        Real shares[LANES];
        for (int l = 0; l < LANES; ++l) shares[l] = l < tile.columns ? Real(1) / run.components : Real(0);
        share = read(shares);
        for (int k = 0; k < PARAMETERS; ++k) {
            if (run.strides[k])
                dynamic[dynamics++] = k;
            else
                set(k, 0);
        }
    }

    // What is not finite makes the lane's share NaN, and with it the basin's results from now on: minima
    // and comparisons in a step could lose it. (Not by x · 0: GCC 12 takes that for 0 in vectors.)
    MEMBER void doubt(V x) { share = select(maximum(x, -x) <= all(LARGEST), share, all(NOT_A_NUMBER)); }

    MEMBER void set(int k, int64_t t) {
        theta[k] = load<full>(run.parameters[k] + t * run.strides[k] + tile.column, tile);
        doubt(theta[k]);
    }

    MEMBER void go_to(int64_t t) {
        for (int j = 0; j < dynamics; ++j) set(dynamic[j], t);
        const Real* today = run.weather + (t * run.basins + tile.basin) * WEATHER;
        for (int k = 0; k < WEATHER; ++k) weather[k] = spread(today + k, WEATHER, tile);
    }
};

// The days [begin, end); those that do not begin the run start from the stores that others have ended with.
template <bool full> static void forward(const Run& run, const Tile& tile, int64_t begin, int64_t end) {
    Day<full> day(run, tile);
    const int64_t columns = run.basins * run.components;
    int wanted[OUTPUTS], wants = 0;
    for (int k = 0; k < OUTPUTS; ++k)
        if (run.outputs[k]) wanted[wants++] = k;
    V stores[STORES], y[OUTPUTS], unused[CURVES];
    for (int k = 0; k < STORES; ++k) {
        stores[k] = load<full>((begin ? run.ends[k] : run.stores[k]) + tile.column, tile);
        day.doubt(stores[k]);
    }
    Real* means[OUTPUTS];
    for (int j = 0; j < wants; ++j) means[j] = run.outputs[wanted[j]] + begin * run.basins + tile.basin;
    const bool alone = full && tile.basins == 1;
    for (int64_t t = begin; t < end; ++t) {
        if (run.kept && t % SEGMENT == 0)
            for (int k = 0; k < STORES; ++k)
                store<full>(run.kept + (t / SEGMENT * STORES + k) * columns + tile.column, tile, stores[k]);
        day.go_to(t);
        step(stores, day.weather, day.theta, y, unused);
        int j = 0;
        for (; alone && j + LANES / 2 <= wants; j += LANES / 2) {
            Vector shares[LANES / 2];
            Real sums[LANES / 2];
#pragma GCC unroll 64
            for (int k = 0; k < LANES / 2; ++k) {
                const V share = y[wanted[j + k]] * day.share;
                shares[k] = share.a + share.b;
            }
            *(Unaligned*)sums = totals(shares);
            for (int k = 0; k < LANES / 2; ++k) *means[j + k] = (tile.first ? 0 : *means[j + k]) + sums[k];
        }
        for (; j < wants; ++j) gather(y[wanted[j]] * day.share, 1, tile, means[j]);
        for (int k = 0; k < wants; ++k) means[k] += run.basins;
    }
    for (int k = 0; k < STORES; ++k)
        store<full>(run.ends[k] + tile.column, tile, select(day.share <= all(1), stores[k], day.share));
}

// `runoff`: no other outputs have a gradient, which spares their terms.
template <bool full, bool runoff> static void reverse(const Run& run, const Tile& tile) {
    Day<full> day(run, tile);
    const int64_t columns = run.basins * run.components;
    V d_stores[STORES], d_theta[PARAMETERS], unused[OUTPUTS];
    V before[SEGMENT][STORES], curves[SEGMENT][CURVES];  // of each day of a segment, at its beginning and in it
    for (int k = 0; k < STORES; ++k)
        d_stores[k] = run.d_ends[k] ? load<full>(run.d_ends[k] + tile.column, tile) : all(0);
    for (int k = 0; k < PARAMETERS; ++k) d_theta[k] = all(0);
    for (int64_t segment = (run.days - 1) / SEGMENT; segment >= 0; --segment) {
        const int64_t start = segment * SEGMENT, end = std::min(run.days, start + SEGMENT);
        V stores[STORES];
        for (int k = 0; k < STORES; ++k)
            stores[k] = load<full>(run.kept + (segment * STORES + k) * columns + tile.column, tile);
        for (int64_t t = start; t < end; ++t) {
            for (int k = 0; k < STORES; ++k) before[t - start][k] = stores[k];
            day.go_to(t);
            step(stores, day.weather, day.theta, unused, curves[t - start]);
        }
        for (int64_t t = end - 1; t >= start; --t) {
            day.go_to(t);
            V d_y[OUTPUTS], d_weather[WEATHER];
#pragma GCC unroll 32
            for (int k = 0; k < OUTPUTS; ++k) {
                if (runoff && !RUNOFF[k]) continue;
                d_y[k] = all(0);
                if (run.d_outputs[k])
                    d_y[k] = spread(run.d_outputs[k] + t * run.basins + tile.basin, 1, tile) * day.share;
            }
            for (int k = 0; k < WEATHER; ++k) d_weather[k] = all(0);
            const int64_t d = t - start;
            adjoint<runoff>(before[d], day.weather, day.theta, curves[d], d_stores, d_y, d_weather, d_theta);
            for (int j = 0; j < day.dynamics; ++j) {
                const int k = day.dynamic[j];
                if (run.d_parameters[k])
                    store<full>(run.d_parameters[k] + t * run.strides[k] + tile.column, tile, d_theta[k]);
                d_theta[k] = all(0);
            }
            if (!run.d_weather) continue;
            Real* today = run.d_weather + (t * run.basins + tile.basin) * WEATHER;
            for (int k = 0; k < WEATHER; ++k)
                gather(select(day.share != all(0), d_weather[k], all(0)), WEATHER, tile, today + k);
        }
    }
    for (int k = 0; k < STORES; ++k)
        if (run.d_stores[k]) store<full>(run.d_stores[k] + tile.column, tile, d_stores[k]);
    for (int k = 0; k < PARAMETERS; ++k)
        if (run.d_parameters[k] && !run.strides[k])
            store<full>(run.d_parameters[k] + tile.column, tile, d_theta[k]);
}

// Shares the basins out among threads, by neighbours in a number that is a multiple of a tile's: calls
// `work` with the first basin of each share, the one after its last, and how many make a tile.
template <typename Work> static void for_shares(const Run& run, int64_t most, Work work) {
    const int64_t together = std::max<int64_t>(LANES / run.components, 1);  // basins of a tile
    const int64_t tiles = (run.basins + together - 1) / together;
    const int64_t share = std::clamp<int64_t>(tiles / (8 * run.threads), 1, most) * together;
#pragma omp parallel num_threads(std::min(run.threads, (run.basins + share - 1) / share))
    {
        FlushDenormals flush;
#pragma omp for schedule(dynamic, 1)
        for (int64_t basin = 0; basin < run.basins; basin += share)
            work(basin, std::min(basin + share, run.basins), together);
    }
}

// Calls `work` for each tile of the basins [first, last), those of one basin in order.
template <typename Work>
static void for_tiles(const Run& run, int64_t first, int64_t last, int64_t together, Work work) {
    for (int64_t basin = first; basin < last; basin += together) {
        const int64_t basins = std::min(together, last - basin);
        const int64_t column = basin * run.components, end = column + basins * run.components;
        for (int64_t c = column; c < end; c += LANES)
            work(Tile{c, std::min<int64_t>(LANES, end - c), basin, basins, c == column});
    }
}

// Some days of a few neighbours in turn: their results lie side by side in memory, one row for each day,
// and are still at hand when the next basin adds its own.
extern "C" void run_forward(const Run* run) {
    for_shares(*run, 16, [run](int64_t first, int64_t last, int64_t together) {
        for (int64_t begin = 0; begin < run->days; begin += SEGMENT)
            for_tiles(*run, first, last, together, [run, begin](const Tile& tile) {
                const int64_t end = std::min(begin + SEGMENT, run->days);
                const bool full = tile.columns == LANES;
                full ? forward<true>(*run, tile, begin, end) : forward<false>(*run, tile, begin, end);
            });
    });
}

extern "C" void run_reverse(const Run* run) {
    bool runoff = true;
    for (int k = 0; k < OUTPUTS; ++k) runoff &= RUNOFF[k] || !run->d_outputs[k];
    for_shares(*run, 1, [run, runoff](int64_t first, int64_t last, int64_t together) {
        for_tiles(*run, first, last, together, [run, runoff](const Tile& tile) {
            if (tile.columns < LANES)
                reverse<false, false>(*run, tile);
            else
                runoff ? reverse<true, true>(*run, tile) : reverse<true, false>(*run, tile);
        });
    });
}
