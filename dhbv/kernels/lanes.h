// Vectors that the kernels compute with: LANES numbers at a time, and the curves that they need.
//
// Compiled with -DREAL=float or double. Vectors are as wide as the machine for which it is compiled.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define MEMBER inline __attribute__((always_inline))

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
constexpr Real LARGEST = std::numeric_limits<Real>::max();
constexpr Real NOT_A_NUMBER = std::numeric_limits<Real>::quiet_NaN();

constexpr int LANES = 2 * WIDTH / sizeof(Real);

// LANES values of one kind, with the operators of one value. Two machine vectors side by side: while
// one waits for its last result, the other has work.
template <typename Element> struct Lanes {
    typedef Element Vector __attribute__((vector_size(WIDTH)));
    Vector a, b;
    MEMBER Lanes() {}
    MEMBER Lanes(Vector a, Vector b) : a(a), b(b) {}
    // Written out, for as a whole GCC would copy them through the stack.
    MEMBER Lanes(const Lanes& x) : a(x.a), b(x.b) {}
    MEMBER Lanes& operator=(const Lanes& x) { a = x.a, b = x.b; return *this; }
};
typedef Lanes<Real> V;              // numbers
typedef Lanes<Format::Signed> M;    // truth values, 0 or -1
typedef Lanes<Format::Unsigned> U;  // bits

#define ARITHMETIC(op)                                                                                     \
    template <typename E> INLINE Lanes<E> operator op(Lanes<E> x, Lanes<E> y) { return {x.a op y.a, x.b op y.b}; } \
    template <typename E> INLINE Lanes<E> operator op(Lanes<E> x, E y) { return {x.a op y, x.b op y}; }
#define COMPARISON(op) \
    INLINE M operator op(V x, V y) { return {x.a op y.a, x.b op y.b}; }
ARITHMETIC(+) ARITHMETIC(-) ARITHMETIC(*) ARITHMETIC(/) ARITHMETIC(&) ARITHMETIC(|)
COMPARISON(<) COMPARISON(<=) COMPARISON(>) COMPARISON(>=) COMPARISON(==) COMPARISON(!=)
INLINE V operator-(V x) { return {-x.a, -x.b}; }
INLINE U operator<<(U x, int n) { return {x.a << n, x.b << n}; }
INLINE U operator>>(U x, int n) { return {x.a >> n, x.b >> n}; }
INLINE V all(Real x) { return {V::Vector{} + x, V::Vector{} + x}; }
INLINE V select(M m, V x, V y) { return {m.a ? x.a : y.a, m.b ? x.b : y.b}; }
// The lesser and the greater; where two cannot be compared, the second. Beside a constant GCC does not find the
// one instruction there is for it.
#if defined(__SSE2__)
#if defined(__AVX512F__)
#define EXTREME(kind) _mm512_##kind##_ps((__m512)x, (__m512)y) : (V::Vector)_mm512_##kind##_pd((__m512d)x, (__m512d)y)
#elif defined(__AVX2__)
#define EXTREME(kind) _mm256_##kind##_ps((__m256)x, (__m256)y) : (V::Vector)_mm256_##kind##_pd((__m256d)x, (__m256d)y)
#else
#define EXTREME(kind) _mm_##kind##_ps((__m128)x, (__m128)y) : (V::Vector)_mm_##kind##_pd((__m128d)x, (__m128d)y)
#endif
INLINE V::Vector lesser(V::Vector x, V::Vector y) { return sizeof(Real) == 4 ? (V::Vector)EXTREME(min); }
INLINE V::Vector greater(V::Vector x, V::Vector y) { return sizeof(Real) == 4 ? (V::Vector)EXTREME(max); }
#else
INLINE V::Vector lesser(V::Vector x, V::Vector y) { return x < y ? x : y; }
INLINE V::Vector greater(V::Vector x, V::Vector y) { return x > y ? x : y; }
#endif
INLINE V minimum(V x, V y) { return {lesser(x.a, y.a), lesser(x.b, y.b)}; }
INLINE V maximum(V x, V y) { return {greater(x.a, y.a), greater(x.b, y.b)}; }
INLINE V& operator+=(V& x, V y) { return x = x + y; }
INLINE U bits(V x) { return {(U::Vector)x.a, (U::Vector)x.b}; }
INLINE V number(U x) { return {(V::Vector)x.a, (V::Vector)x.b}; }

// log2 of normal x > 0: x = 2^n m with m in [√½, √2), log2 m = 2/ln 2 · artanh s, s = (m − 1) / (m + 1).
INLINE V log2(V x) {
    typedef Format::Unsigned Bits;
    constexpr int shift = Format::mantissa;
    constexpr Bits one = Bits(Format::bias) << shift;
    constexpr Bits root = sizeof(Real) == 4 ? 0x3f3504f3u : 0x3fe6a09e667f3bcdu;
    const U exponent = (bits(x) + Bits(one - root)) >> shift;  // biased
    const V m = number(bits(x) - (exponent << shift) + one);
    // In the low bits of 2^mantissa, it is added to it.
    constexpr Bits magic = Bits(Format::bias + shift) << shift;
    const V n = number(exponent | magic) - Real((Bits(1) << shift) + Format::bias);
    const V s = (m - Real(1)) / (m + Real(1)), z = s * s;
    V sum = all(0);
#pragma GCC unroll 16
    for (int k = Format::log_terms - 1; k >= 0; --k) sum = sum * z + Real(2.8853900817779268 / (2 * k + 1));
    return n + s * sum;
}

// 2^x, the result bounded to normal numbers: x = n + r with |r| ≤ ½, 2^r by its Taylor series. NaN stays NaN,
// for `minimum` and `maximum` give their second argument where they cannot compare.
INLINE V exp2(V x) {
    typedef Format::Unsigned Bits;
    constexpr int shift = Format::mantissa;
    constexpr double ln2 = 0.6931471805599453;
    x = minimum(all(Format::bias), maximum(all(1 - Format::bias), x));
    const V magic = all(Real(3) * Real(Bits(1) << (shift - 1)));  // whose last bit stands for 1
    const V shifted = x + magic, r = x - (shifted - magic);
    V sum = all(0);
#pragma GCC unroll 16
    for (int k = Format::exp_terms - 1; k >= 0; --k) {
        double c = 1;
        for (int i = 1; i <= k; ++i) c *= ln2 / i;
        sum = sum * r + Real(c);
    }
    return number(bits(sum) + ((bits(shifted) - bits(magic)) << shift));
}

// LANES numbers in memory, where no vector need be aligned.
typedef Real Unaligned __attribute__((vector_size(WIDTH), aligned(sizeof(Real)), may_alias));
INLINE V read(const Real* x) { return {*(const Unaligned*)x, *(const Unaligned*)(x + LANES / 2)}; }
INLINE void write(Real* x, const V& v) { *(Unaligned*)x = v.a, *(Unaligned*)(x + LANES / 2) = v.b; }

// While it lives, numbers too small to be normal count as 0: stores in recession would slow the processor.
struct FlushDenormals {
#if defined(__SSE__)
    const unsigned before = _mm_getcsr();
    FlushDenormals() { _mm_setcsr(before | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before); }
#endif
};
