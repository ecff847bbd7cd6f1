// An LSTM layer over a whole sequence, forward and in reverse.
//
// Each thread takes basins of its own through all days: no day waits for another thread. Products of
// matrices are worked on in blocks of up to ROWS rows × LANES columns that stay in registers; for them
// weights lie in panels of LANES columns. Hidden units are worked on LANES at a time, the four gates of
// each together (i, f, g, o, as torch orders them). A last group is filled up with units without weights,
// which stay 0.
//
// For the gradient gates and cells are kept. The reverse pass takes a few days at a time: back through
// time, each thread with its basins; then, while the gates' gradients of these days are still at hand, it
// adds to the weights' gradients, each thread to panels of its own. So sums do not depend on the threads.

#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>
#if defined(_OPENMP)
#include <omp.h>
#endif

constexpr int GATES = 4;
constexpr int KEPT = GATES + 1;             // numbers of a unit that are kept: its gates and its cell
constexpr int ROWS = WIDTH == 64 ? 12 : 6;  // as many as there are registers for
constexpr int64_t AT_HAND = 2 << 20;        // bytes of the gates' gradients of a few days
constexpr int64_t DEPTH = 256;              // rows and
constexpr int64_t COLUMNS = 96;             // columns of a part of the inputs that stays in a cache

// What a run reads and writes; dhbv.kernels.build has its twin. Unwanted results are null. Where `projected`
// is given, it is what inputs and bias add to the gates; then `inputs` is 0 and the weights' gradients are
// left to others.
struct Run {
    int64_t days, basins, inputs, hidden, threads;
    const Real* x;          // [days, basins, inputs]
    const Real* projected;  // [days, basins, GATES, hidden]
    const Real* w_input;    // [GATES, hidden, inputs]
    const Real* w_hidden;   // [GATES, hidden, hidden]
    const Real* bias;       // [GATES, hidden]
    const Real* h_before;   // [basins, hidden]
    const Real* c_before;   // [basins, hidden]
    Real* h;                // [days, basins, hidden]
    Real* c_after;          // [basins, hidden]
    Real* kept;             // [days, basins, KEPT, units]: hidden units, filled up to whole LANES
    // The reverse pass reads the next two and writes the others.
    const Real* d_h;
    const Real* d_c_after;
    Real* d_x;
    Real* d_projected;
    Real* d_w_input;
    Real* d_w_hidden;
    Real* d_bias;
    Real* d_h_before;
    Real* d_c_before;
};

INLINE int64_t groups_of(int64_t count, int64_t size) { return (count + size - 1) / size; }

// A run, and where things stand in it.
struct Layer : Run {
    const int64_t units = groups_of(hidden, LANES) * LANES;
    const int64_t panels = GATES * units / LANES;
    const int64_t depth = inputs + hidden + 1;  // rows of a forward panel: x, h and bias

    explicit Layer(const Run& run) : Run(run) {}
    const Real* x_of(int64_t t) const { return x + t * basins * inputs; }
    const Real* h_of(int64_t t) const { return t < 0 ? h_before : h + t * basins * hidden; }
    Real* kept_of(int64_t t, int64_t b) const { return kept + (t * basins + b) * KEPT * units; }
    template <typename R> R* gate_of(R* gates, int64_t t, int64_t b, int64_t gate) const {
        return gates + ((t * basins + b) * GATES + gate) * hidden;
    }
    int64_t panel_of(int64_t gate, int64_t unit) const { return unit / LANES * GATES + gate; }
};

// Zeros that begin where a cache line does.
struct Numbers {
    Real* const at;
    explicit Numbers(int64_t count)
        : at((Real*)std::aligned_alloc(64, count * sizeof(Real) / 64 * 64 + 64)) {
        if (!at) throw std::bad_alloc();
        std::memset(at, 0, count * sizeof(Real));
    }
    Numbers(const Numbers&) = delete;
    ~Numbers() { std::free(at); }
};

// The numbers [first, last), and a part of as many that is like the others in size.
struct Range {
    int64_t first, last;
    Range part(int64_t k, int64_t parts) const {
        return {first + (last - first) * k / parts, first + (last - first) * (k + 1) / parts};
    }
};

template <typename Work, int... n>
INLINE void with_rows(Range block, const Work& work, std::integer_sequence<int, n...>) {
    const int64_t rows = block.last - block.first;
    (void)((rows == n + 1 && (work(block.first, std::integral_constant<int, n + 1>()), true)) || ...);
}

// Calls `work` for blocks of rows: with the first and how many there are, a constant.
template <typename Work> INLINE void for_blocks(Range rows, const Work& work) {
    const int64_t blocks = groups_of(rows.last - rows.first, ROWS);
    for (int64_t k = 0; k < blocks; ++k)
        with_rows(rows.part(k, blocks), work, std::make_integer_sequence<int, ROWS>());
}

// sum[r] += Σ_k a[r · row + k · step] · panel[k]
template <int rows>
INLINE void multiply(V (&sum)[rows], const Real* a, int64_t row, int64_t step, const Real* panel, int64_t depth) {
    for (int64_t k = 0; k < depth; ++k) {
        const V column = read(panel + k * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) sum[r] = sum[r] + all(a[r * row + k * step]) * column;
    }
}

// The first `count` of LANES numbers in memory; the others are 0.
INLINE V read_some(const Real* x, int64_t count) {
    if (count >= LANES) return read(x);
    Real lanes[LANES] = {};
    std::memcpy(lanes, x, count * sizeof(Real));
    return read(lanes);
}
INLINE void write_some(Real* x, const V& v, int64_t count) {
    if (count >= LANES) return write(x, v);
    Real lanes[LANES];
    write(lanes, v);
    std::memcpy(x, lanes, count * sizeof(Real));
}

constexpr double LOG2_E = 1.4426950408889634;
INLINE V sigmoid(V x) { return all(1) / (exp2(x * Real(-LOG2_E)) + all(1)); }
INLINE V tanh(V x) { return all(2) / (exp2(x * Real(-2 * LOG2_E)) + all(1)) - all(1); }

// Calls `work(thread, threads)` in several threads.
template <typename Work> static void in_threads(int64_t threads, const Work& work) {
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
    {
        FlushDenormals flush;
        work(omp_get_thread_num(), omp_get_num_threads());
    }
#else
    FlushDenormals flush;
    work(0, 1);
#endif
}

INLINE void wait_for_all() {
#pragma omp barrier
}

// Calls `work` with each gate of each unit: its row in the weights, its panel and its lane there.
template <typename Work> static void for_gates(const Layer& l, const Work& work) {
    for (int64_t gate = 0; gate < GATES; ++gate)
        for (int64_t unit = 0; unit < l.hidden; ++unit)
            work(gate * l.hidden + unit, l.panel_of(gate, unit), unit % LANES);
}

// One day of some basins, `cell` [basins, units] from its beginning to its end.
static void forward(const Layer& l, const Real* weights, Real* cell, int64_t t, Range basins) {
    const Real *x = l.x_of(t), *h = l.h_of(t - 1);
    for (int64_t unit = 0; unit < l.units; unit += LANES)
        for_blocks(basins, [&](int64_t b, auto count) {
            constexpr int rows = decltype(count)::value;
            V gates[rows][GATES], cells[rows];
            for (int gate = 0; gate < GATES; ++gate) {
                const Real* panel = weights + l.panel_of(gate, unit) * l.depth * LANES;
                V sum[rows];
                for (int r = 0; r < rows; ++r) {
                    sum[r] = read(panel + (l.depth - 1) * LANES);
                    if (l.projected)
                        sum[r] += read_some(l.gate_of(l.projected, t, b + r, gate) + unit, l.hidden - unit);
                }
                multiply(sum, x + b * l.inputs, l.inputs, 1, panel, l.inputs);
                multiply(sum, h + b * l.hidden, l.hidden, 1, panel + l.inputs * LANES, l.hidden);
                for (int r = 0; r < rows; ++r) gates[r][gate] = sum[r];
            }
            for (int r = 0; r < rows; ++r) {
                for (V& gate : gates[r]) gate = &gate == &gates[r][2] ? tanh(gate) : sigmoid(gate);
                Real* c = cell + (b + r) * l.units + unit;
                cells[r] = gates[r][1] * read(c) + gates[r][0] * gates[r][2];
                write(c, cells[r]);
            }
            for (int r = 0; r < rows; ++r) {
                write_some(l.h + (t * l.basins + b + r) * l.hidden + unit, gates[r][3] * tanh(cells[r]),
                           l.hidden - unit);
                if (!l.kept) continue;
                Real* kept = l.kept_of(t, b + r) + unit;
                for (int k = 0; k < KEPT; ++k) write(kept + k * l.units, k < GATES ? gates[r][k] : cells[r]);
            }
        });
}

extern "C" void run_forward(const Run* run) {
    const Layer l(*run);
    Numbers weights(l.panels * l.depth * LANES), cell(l.basins * l.units);
    for_gates(l, [&](int64_t n, int64_t panel, int64_t lane) {
        Real* to = weights.at + panel * l.depth * LANES + lane;
        for (int64_t k = 0; k < l.inputs; ++k) to[k * LANES] = l.w_input[n * l.inputs + k];
        for (int64_t k = 0; k < l.hidden; ++k) to[(l.inputs + k) * LANES] = l.w_hidden[n * l.hidden + k];
        if (l.bias) to[(l.depth - 1) * LANES] = l.bias[n];
    });
    for (int64_t b = 0; b < l.basins; ++b)
        std::memcpy(cell.at + b * l.units, l.c_before + b * l.hidden, l.hidden * sizeof(Real));
    in_threads(std::min(l.threads, l.basins), [&](int64_t thread, int64_t threads) {
        const Range basins = Range{0, l.basins}.part(thread, threads);
        for (int64_t t = 0; t < l.days; ++t) forward(l, weights.at, cell.at, t, basins);
    });
    for (int64_t b = 0; b < l.basins; ++b)
        std::memcpy(l.c_after + b * l.hidden, cell.at + b * l.units, l.hidden * sizeof(Real));
}

// What the reverse pass carries from day to day, and gathers.
struct Reverse {
    const Layer& l;
    const int64_t days;        // at hand
    const int64_t height;      // rows of a panel of `d_gates`, one for each basin and day
    Numbers w_input, w_hidden; // panels of LANES inputs or units; a row for each gate in the panels' order
    Numbers d_h, d_c;          // [basins, units]
    Numbers d_gates;           // [panels, height, LANES], before sigmoid and tanh
    Numbers d_weights;         // [panels, depth, LANES]

    explicit Reverse(const Layer& l)
        : l(l),
          days(std::clamp<int64_t>(AT_HAND / int64_t(sizeof(Real) * GATES * l.units * l.basins), 1, l.days)),
          height(days * l.basins),
          w_input(GATES * l.units * groups_of(l.inputs, LANES) * LANES),
          w_hidden(GATES * l.units * l.units),
          d_h(l.basins * l.units),
          d_c(l.basins * l.units),
          d_gates(l.panels * height * LANES),
          d_weights(l.panels * l.depth * LANES) {
        for_gates(l, [&](int64_t n, int64_t panel, int64_t lane) {
            const int64_t row = panel * LANES + lane;
            const auto place = [&](int64_t k) { return (k / LANES * GATES * l.units + row) * LANES + k % LANES; };
            for (int64_t k = 0; k < l.inputs; ++k) w_input.at[place(k)] = l.w_input[n * l.inputs + k];
            for (int64_t k = 0; k < l.hidden; ++k) w_hidden.at[place(k)] = l.w_hidden[n * l.hidden + k];
        });
        for (int64_t b = 0; l.d_c_after && b < l.basins; ++b)
            std::memcpy(d_c.at + b * l.units, l.d_c_after + b * l.hidden, l.hidden * sizeof(Real));
    }

    Real* gates(int64_t panel, int64_t row) const { return d_gates.at + (panel * height + row) * LANES; }

    // Day t of some basins; its gates' gradients go to the rows from `row` on.
    void back(int64_t t, int64_t row, Range basins) const {
        for (int64_t b = basins.first; b < basins.last; ++b)
            for (int64_t unit = 0; unit < l.units; unit += LANES) cell(t, row, b, unit);
        product(row, w_hidden.at, d_h.at, l.units, basins);
        if (l.d_x) product(row, w_input.at, l.d_x + t * l.basins * l.inputs, l.inputs, basins);
    }

    void cell(int64_t t, int64_t row, int64_t b, int64_t unit) const {
        const int64_t real = l.hidden - unit;  // units that are not filled up
        const Real* kept = l.kept_of(t, b) + unit;
        const V i = read(kept), f = read(kept + l.units), g = read(kept + 2 * l.units);
        const V o = read(kept + 3 * l.units), tanh_c = tanh(read(kept + 4 * l.units)), one = all(1);
        const V c_before = t ? read(l.kept_of(t - 1, b) + GATES * l.units + unit)
                             : read_some(l.c_before + b * l.hidden + unit, real);
        V h = read(d_h.at + b * l.units + unit);
        if (l.d_h) h += read_some(l.d_h + (t * l.basins + b) * l.hidden + unit, real);
        Real* carried = d_c.at + b * l.units + unit;
        const V c = read(carried) + h * o * (one - tanh_c * tanh_c);
        const V before[GATES] = {c * g * i * (one - i), c * c_before * f * (one - f), c * i * (one - g * g),
                                 h * tanh_c * o * (one - o)};
        write(carried, c * f);
        for (int gate = 0; gate < GATES; ++gate) {
            write(gates(l.panel_of(gate, unit), row + b), before[gate]);
            if (l.d_projected) write_some(l.gate_of(l.d_projected, t, b, gate) + unit, before[gate], real);
        }
    }

    // to[b] = Σ over gates of their gradient · weight, `width` numbers for each basin.
    void product(int64_t row, const Real* weight, Real* to, int64_t width, Range basins) const {
        for (int64_t left = 0; left < width; left += LANES)
            for_blocks(basins, [&](int64_t b, auto count) {
                constexpr int rows = decltype(count)::value;
                V sum[rows];
                for (V& s : sum) s = all(0);
                for (int64_t panel = 0; panel < l.panels; ++panel)
                    multiply(sum, gates(panel, row + b), LANES, 1,
                             weight + (left * GATES * l.units) + panel * LANES * LANES, LANES);
                for (int r = 0; r < rows; ++r) write_some(to + (b + r) * width + left, sum[r], width - left);
            });
    }

    // d_weights[panel][first + k] += Σ_r a[r][k] · gates' gradients[panel][row + r], for some panels;
    // `packed` has room for a part of `a`, whose columns are brought together as they are needed.
    void add(const Real* a, int64_t width, int64_t first, int64_t row, int64_t rows, Range panels, Real* packed) const {
        for (int64_t top = 0; top < rows; top += DEPTH)
            for (int64_t left = 0; left < width; left += COLUMNS) {
                const int64_t depth = std::min(DEPTH, rows - top);
                const Range columns{left, std::min(left + COLUMNS, width)};
                for_blocks(columns, [&](int64_t k, auto count) {
                    constexpr int n = decltype(count)::value;
                    Real* to = packed + (k - left) * depth;
                    for (int64_t r = 0; r < depth; ++r)
                        for (int c = 0; c < n; ++c) to[r * n + c] = a[(top + r) * width + k + c];
                });
                for (int64_t panel = panels.first; panel < panels.last; ++panel)
                    for_blocks(columns, [&](int64_t k, auto count) {
                        constexpr int n = decltype(count)::value;
                        Real* to = d_weights.at + (panel * l.depth + first + k) * LANES;
                        V sum[n];
                        for (int c = 0; c < n; ++c) sum[c] = read(to + c * LANES);
                        multiply(sum, packed + (k - left) * depth, 1, n, gates(panel, row + top), depth);
                        for (int c = 0; c < n; ++c) write(to + c * LANES, sum[c]);
                    });
            }
    }

    // The days [begin, end) to the gradients of some panels' weights.
    void add_days(int64_t begin, int64_t end, Range panels, Real* packed) const {
        const int64_t rows = (end - begin) * l.basins, first = l.inputs;
        const int64_t apart = begin ? 0 : l.basins;  // what the first day begins with is not among `h`
        add(l.x_of(begin), l.inputs, 0, 0, rows, panels, packed);
        if (apart) add(l.h_before, l.hidden, first, 0, apart, panels, packed);
        add(l.h_of(begin ? begin - 1 : 0), l.hidden, first, apart, rows - apart, panels, packed);
        for (int64_t panel = panels.first; panel < panels.last; ++panel) {
            Real* to = d_weights.at + ((panel + 1) * l.depth - 1) * LANES;
            V sum = read(to);
            for (int64_t row = 0; row < rows; ++row) sum += read(gates(panel, row));
            write(to, sum);
        }
    }
};

extern "C" void run_reverse(const Run* run) {
    const Layer l(*run);
    const Reverse reverse(l);
    in_threads(l.threads, [&](int64_t thread, int64_t threads) {
        const Range basins = Range{0, l.basins}.part(thread, threads);
        const Range panels = Range{0, l.panels}.part(thread, threads);
        const Numbers packed(COLUMNS * DEPTH);
        for (int64_t end = l.days; end > 0; end -= reverse.days) {
            const int64_t begin = std::max<int64_t>(end - reverse.days, 0);
            for (int64_t t = end - 1; t >= begin; --t) reverse.back(t, (t - begin) * l.basins, basins);
            if (!l.d_w_hidden) continue;
            wait_for_all();
            reverse.add_days(begin, end, panels, packed.at);
            wait_for_all();
        }
    });
    if (l.d_w_hidden)
        for_gates(l, [&](int64_t n, int64_t panel, int64_t lane) {
            const Real* from = reverse.d_weights.at + panel * l.depth * LANES + lane;
            for (int64_t k = 0; k < l.inputs; ++k) l.d_w_input[n * l.inputs + k] = from[k * LANES];
            for (int64_t k = 0; k < l.hidden; ++k) l.d_w_hidden[n * l.hidden + k] = from[(l.inputs + k) * LANES];
            l.d_bias[n] = from[(l.depth - 1) * LANES];
        });
    for (int64_t b = 0; b < l.basins; ++b) {
        std::memcpy(l.d_h_before + b * l.hidden, reverse.d_h.at + b * l.units, l.hidden * sizeof(Real));
        std::memcpy(l.d_c_before + b * l.hidden, reverse.d_c.at + b * l.units, l.hidden * sizeof(Real));
    }
}
