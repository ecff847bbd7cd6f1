"""Form delta_capillary for the GPU, printed by `python -m dhbv.kernels.trace --write`; do not edit."""
# ruff: noqa
# mypy: ignore-errors
# fmt: off

# Each instance of a kernel owns ROWS basins with COLUMNS lanes for their components and walks all days,
# its stores in registers. On a GPU memory is ample and latency dear: the stores of every day are kept
# for the reverse loop, so it computes nothing anew. Bits of DYNAMIC stand for parameters, of WANTED for
# outputs, of ENDS for final stores, in the order of the arguments.

import triton
import triton.language as tl


@triton.jit
def step(
    snowpack,
    snow_liquid,
    soil_water,
    upper_zone,
    lower_zone,
    p,
    t,
    ep,
    beta,
    fc,
    k0,
    k1,
    k2,
    lp,
    perc,
    uzl,
    tt,
    cfmax,
    cfr,
    cwh,
    gamma,
    c,
):
    """One day: stores at its end, and the outputs."""
    v22 = t >= tt
    v24 = tl.where(v22, p, 0.0)
    v25 = p - v24
    v26 = snowpack + v25
    v27 = t - tt
    v28 = cfmax * v27
    v29 = tl.maximum(v28, 0.0)
    v30 = tl.minimum(v26, v29)
    v31 = v26 - v30
    v32 = snow_liquid + v30
    v33 = cfmax * cfr
    v34 = tt - t
    v35 = v33 * v34
    v36 = tl.maximum(v35, 0.0)
    v37 = tl.minimum(v32, v36)
    v38 = v31 + v37
    v39 = v32 - v37
    v40 = cwh * v38
    v41 = v39 - v40
    v42 = tl.maximum(v41, 0.0)
    v43 = v39 - v42
    v44 = v24 + v42
    v46 = tl.maximum(soil_water, 1e-05)
    v47 = v46 / fc
    v48 = tl.log2(v47)
    v49 = beta * v48
    v50 = tl.exp2(v49)
    v52 = tl.minimum(v50, 1.0)
    v53 = v44 * v52
    v54 = v44 - v53
    v55 = soil_water + v54
    v56 = v55 - fc
    v57 = tl.maximum(v56, 0.0)
    v58 = v55 - v57
    v59 = tl.maximum(v58, 1e-05)
    v60 = fc * lp
    v61 = v59 / v60
    v62 = tl.log2(v61)
    v63 = gamma * v62
    v64 = tl.exp2(v63)
    v65 = tl.minimum(v64, 1.0)
    v66 = ep * v65
    v67 = tl.minimum(v58, v66)
    v68 = v58 - v67
    v69 = lower_zone * c
    v70 = v68 / fc
    v71 = tl.minimum(v70, 1.0)
    v72 = 1.0 - v71
    v73 = v69 * v72
    v74 = v68 + v73
    v75 = lower_zone - v73
    v76 = v53 + v57
    v77 = upper_zone + v76
    v78 = tl.minimum(perc, v77)
    v79 = v77 - v78
    v80 = v79 - uzl
    v81 = tl.maximum(v80, 0.0)
    v82 = k0 * v81
    v83 = v79 - v82
    v84 = k1 * v83
    v85 = v83 - v84
    v86 = v75 + v78
    v87 = k2 * v86
    v88 = v86 - v87
    v89 = v38 + v43
    return v38, v43, v74, v85, v88, v67, v24, v25, v30, v37, v42, v53, v57, v76, v73, v78, v82, v84, v87, v38, v43, v89, v74, v85, v88


@triton.jit
def adjoint(
    snowpack,
    snow_liquid,
    soil_water,
    upper_zone,
    lower_zone,
    p,
    t,
    ep,
    beta,
    fc,
    k0,
    k1,
    k2,
    lp,
    perc,
    uzl,
    tt,
    cfmax,
    cfr,
    cwh,
    gamma,
    c,
    d_end_snowpack,
    d_end_snow_liquid,
    d_end_soil_water,
    d_end_upper_zone,
    d_end_lower_zone,
    d_y_et,
    d_y_rain,
    d_y_snow,
    d_y_melt,
    d_y_refreeze,
    d_y_infiltration,
    d_y_peff,
    d_y_excess,
    d_y_recharge,
    d_y_capillary_rise,
    d_y_percolation,
    d_y_q0,
    d_y_q1,
    d_y_q2,
    d_y_snowpack,
    d_y_snow_liquid,
    d_y_swe,
    d_y_soil_water,
    d_y_upper_zone,
    d_y_lower_zone,
):
    """Its adjoint: gradients of stores, weather and parameters."""
    v47 = t >= tt
    v49 = tl.where(v47, p, 0.0)
    v50 = p - v49
    v51 = snowpack + v50
    v52 = t - tt
    v53 = cfmax * v52
    v54 = tl.maximum(v53, 0.0)
    v55 = tl.minimum(v51, v54)
    v56 = v51 - v55
    v57 = snow_liquid + v55
    v58 = cfmax * cfr
    v59 = tt - t
    v60 = v58 * v59
    v61 = tl.maximum(v60, 0.0)
    v62 = tl.minimum(v57, v61)
    v63 = v56 + v62
    v64 = v57 - v62
    v65 = cwh * v63
    v66 = v64 - v65
    v67 = tl.maximum(v66, 0.0)
    v68 = v49 + v67
    v70 = tl.maximum(soil_water, 1e-05)
    v71 = v70 / fc
    v72 = tl.log2(v71)
    v73 = beta * v72
    v74 = tl.exp2(v73)
    v76 = tl.minimum(v74, 1.0)
    v77 = v68 * v76
    v78 = v68 - v77
    v79 = soil_water + v78
    v80 = v79 - fc
    v81 = tl.maximum(v80, 0.0)
    v82 = v79 - v81
    v83 = tl.maximum(v82, 1e-05)
    v84 = fc * lp
    v85 = v83 / v84
    v86 = tl.log2(v85)
    v87 = gamma * v86
    v88 = tl.exp2(v87)
    v89 = tl.minimum(v88, 1.0)
    v90 = ep * v89
    v91 = tl.minimum(v82, v90)
    v92 = v82 - v91
    v93 = lower_zone * c
    v94 = v92 / fc
    v95 = tl.minimum(v94, 1.0)
    v96 = 1.0 - v95
    v97 = v93 * v96
    v98 = lower_zone - v97
    v99 = v77 + v81
    v100 = upper_zone + v99
    v101 = tl.minimum(perc, v100)
    v102 = v100 - v101
    v103 = v102 - uzl
    v104 = tl.maximum(v103, 0.0)
    v105 = k0 * v104
    v106 = v102 - v105
    v107 = v98 + v101
    v108 = d_end_snowpack + d_y_snowpack
    v109 = d_end_snow_liquid + d_y_snow_liquid
    v110 = d_end_soil_water + d_y_soil_water
    v111 = d_end_upper_zone + d_y_upper_zone
    v112 = d_end_lower_zone + d_y_lower_zone
    v113 = d_y_swe + v108
    v114 = d_y_swe + v109
    v115 = d_y_q2 - v112
    v116 = k2 * v115
    v117 = v107 * v115
    v118 = v112 + v116
    v119 = d_y_percolation + v118
    v120 = d_y_q1 - v111
    v121 = k1 * v120
    v122 = v106 * v120
    v123 = v111 + v121
    v124 = d_y_q0 - v123
    v125 = k0 * v124
    v126 = v104 * v124
    v127 = v103 >= 0.0
    v128 = tl.where(v127, v125, 0.0)
    v129 = -v128
    v130 = v123 + v128
    v131 = v119 - v130
    v133 = v131 * 0.5
    v134 = perc == v100
    v135 = tl.where(v134, v133, v131)
    v136 = perc < v100
    v137 = tl.where(v136, 0.0, v135)
    v138 = perc > v100
    v139 = tl.where(v138, 0.0, v135)
    v140 = v130 + v137
    v141 = d_y_recharge + v140
    v142 = d_y_peff + v141
    v143 = d_y_excess + v141
    v144 = d_y_capillary_rise - v118
    v145 = v110 + v144
    v146 = v93 * v145
    v147 = v96 * v145
    v148 = -v146
    v149 = v94 <= 1.0
    v150 = tl.where(v149, v148, 0.0)
    v151 = v94 / fc
    v152 = -v150
    v153 = v151 * v152
    v154 = v150 / fc
    v155 = v110 + v154
    v156 = c * v147
    v157 = lower_zone * v147
    v158 = v118 + v156
    v159 = d_y_et - v155
    v160 = v159 * 0.5
    v161 = v82 == v90
    v162 = tl.where(v161, v160, v159)
    v163 = v90 < v82
    v164 = tl.where(v163, 0.0, v162)
    v165 = v90 > v82
    v166 = tl.where(v165, 0.0, v162)
    v167 = v155 + v164
    v168 = v89 * v166
    v169 = ep * v166
    v170 = v88 <= 1.0
    v171 = tl.where(v170, v169, 0.0)
    v172 = gamma >= 0.0
    v173 = v85 == 0.0
    v174 = v172 & v173
    v176 = v86 * 0.6931471805599453
    v177 = v88 * v176
    v178 = tl.where(v174, 0.0, v177)
    v179 = v171 * v178
    v180 = v88 / v85
    v181 = gamma * v180
    v182 = v171 * v181
    v183 = gamma == 0.0
    v184 = tl.where(v183, 0.0, v182)
    v185 = v85 / v84
    v186 = -v184
    v187 = v185 * v186
    v188 = v184 / v84
    v189 = lp * v187
    v190 = fc * v187
    v191 = v153 + v189
    v192 = v82 >= 1e-05
    v193 = tl.where(v192, v188, 0.0)
    v194 = v167 + v193
    v195 = v143 - v194
    v196 = v80 >= 0.0
    v197 = tl.where(v196, v195, 0.0)
    v198 = v194 + v197
    v199 = v191 - v197
    v200 = v142 - v198
    v201 = v76 * v200
    v202 = v68 * v200
    v203 = v198 + v201
    v204 = v74 <= 1.0
    v205 = tl.where(v204, v202, 0.0)
    v206 = beta >= 0.0
    v207 = v71 == 0.0
    v208 = v206 & v207
    v209 = v72 * 0.6931471805599453
    v210 = v74 * v209
    v211 = tl.where(v208, 0.0, v210)
    v212 = v205 * v211
    v213 = v74 / v71
    v214 = beta * v213
    v215 = v205 * v214
    v216 = beta == 0.0
    v217 = tl.where(v216, 0.0, v215)
    v218 = v71 / fc
    v219 = -v217
    v220 = v218 * v219
    v221 = v217 / fc
    v222 = v199 + v220
    v223 = soil_water >= 1e-05
    v224 = tl.where(v223, v221, 0.0)
    v225 = v198 + v224
    v226 = d_y_rain + v203
    v227 = d_y_infiltration + v203
    v228 = v227 - v114
    v229 = v66 >= 0.0
    v230 = tl.where(v229, v228, 0.0)
    v231 = -v230
    v232 = v114 + v230
    v233 = cwh * v231
    v234 = v63 * v231
    v235 = v113 + v233
    v236 = d_y_refreeze - v232
    v237 = v235 + v236
    v238 = v237 * 0.5
    v239 = v57 == v61
    v240 = tl.where(v239, v238, v237)
    v241 = v61 < v57
    v242 = tl.where(v241, 0.0, v240)
    v243 = v61 > v57
    v244 = tl.where(v243, 0.0, v240)
    v245 = v232 + v242
    v246 = v60 >= 0.0
    v247 = tl.where(v246, v244, 0.0)
    v248 = v58 * v247
    v249 = v59 * v247
    v250 = cfr * v249
    v251 = cfmax * v249
    v252 = d_y_melt + v245
    v253 = v252 - v235
    v254 = v253 * 0.5
    v255 = v51 == v54
    v256 = tl.where(v255, v254, v253)
    v257 = v54 < v51
    v258 = tl.where(v257, 0.0, v256)
    v259 = v54 > v51
    v260 = tl.where(v259, 0.0, v256)
    v261 = v235 + v258
    v262 = v53 >= 0.0
    v263 = tl.where(v262, v260, 0.0)
    v264 = cfmax * v263
    v265 = v52 * v263
    v266 = v250 + v265
    v267 = v264 - v248
    v268 = v248 - v264
    v269 = d_y_snow + v261
    v270 = v226 - v269
    v271 = tl.where(v47, v270, 0.0)
    v272 = v269 + v271
    return v261, v245, v225, v140, v158, v272, v267, v168, v212, v222, v126, v122, v117, v190, v139, v129, v268, v266, v251, v234, v179, v157


@triton.jit(do_not_specialize=["days", "basins", "components"])
def forward(
    weather,
    kept,
    at_snowpack,
    at_snow_liquid,
    at_soil_water,
    at_upper_zone,
    at_lower_zone,
    at_end_snowpack,
    at_end_snow_liquid,
    at_end_soil_water,
    at_end_upper_zone,
    at_end_lower_zone,
    at_beta,
    at_fc,
    at_k0,
    at_k1,
    at_k2,
    at_lp,
    at_perc,
    at_uzl,
    at_tt,
    at_cfmax,
    at_cfr,
    at_cwh,
    at_gamma,
    at_c,
    at_y_et,
    at_y_rain,
    at_y_snow,
    at_y_melt,
    at_y_refreeze,
    at_y_infiltration,
    at_y_peff,
    at_y_excess,
    at_y_recharge,
    at_y_capillary_rise,
    at_y_percolation,
    at_y_q0,
    at_y_q1,
    at_y_q2,
    at_y_snowpack,
    at_y_snow_liquid,
    at_y_swe,
    at_y_soil_water,
    at_y_upper_zone,
    at_y_lower_zone,
    days,
    basins,
    components,
    DYNAMIC: tl.constexpr,
    WANTED: tl.constexpr,
    KEEP: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    basin = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    component = tl.arange(0, COLUMNS)[None, :]
    here, there = basin < basins, (basin[:, None] < basins) & (component < components)
    column, columns = basin[:, None] * components + component, basins.to(tl.int64) * components
    end_snowpack = tl.load(at_snowpack + column, mask=there, other=1.0)
    end_snow_liquid = tl.load(at_snow_liquid + column, mask=there, other=1.0)
    end_soil_water = tl.load(at_soil_water + column, mask=there, other=1.0)
    end_upper_zone = tl.load(at_upper_zone + column, mask=there, other=1.0)
    end_lower_zone = tl.load(at_lower_zone + column, mask=there, other=1.0)
    # What is not finite makes the share NaN, and with it the basin's results: minima could lose it.
    share = tl.where(there, 1.0, 0.0).to(weather.dtype.element_ty) / components
    share += end_snowpack - end_snowpack
    share += end_snow_liquid - end_snow_liquid
    share += end_soil_water - end_soil_water
    share += end_upper_zone - end_upper_zone
    share += end_lower_zone - end_lower_zone
    beta = tl.load(at_beta + column, mask=there, other=1.0)
    fc = tl.load(at_fc + column, mask=there, other=1.0)
    k0 = tl.load(at_k0 + column, mask=there, other=1.0)
    k1 = tl.load(at_k1 + column, mask=there, other=1.0)
    k2 = tl.load(at_k2 + column, mask=there, other=1.0)
    lp = tl.load(at_lp + column, mask=there, other=1.0)
    perc = tl.load(at_perc + column, mask=there, other=1.0)
    uzl = tl.load(at_uzl + column, mask=there, other=1.0)
    tt = tl.load(at_tt + column, mask=there, other=1.0)
    cfmax = tl.load(at_cfmax + column, mask=there, other=1.0)
    cfr = tl.load(at_cfr + column, mask=there, other=1.0)
    cwh = tl.load(at_cwh + column, mask=there, other=1.0)
    gamma = tl.load(at_gamma + column, mask=there, other=1.0)
    c = tl.load(at_c + column, mask=there, other=1.0)
    share += beta - beta
    share += fc - fc
    share += k0 - k0
    share += k1 - k1
    share += k2 - k2
    share += lp - lp
    share += perc - perc
    share += uzl - uzl
    share += tt - tt
    share += cfmax - cfmax
    share += cfr - cfr
    share += cwh - cwh
    share += gamma - gamma
    share += c - c
    day, row = basin, column
    for _ in range(days):
        if KEEP:
            tl.store(kept + 0 * days * columns + row, end_snowpack, mask=there)
            tl.store(kept + 1 * days * columns + row, end_snow_liquid, mask=there)
            tl.store(kept + 2 * days * columns + row, end_soil_water, mask=there)
            tl.store(kept + 3 * days * columns + row, end_upper_zone, mask=there)
            tl.store(kept + 4 * days * columns + row, end_lower_zone, mask=there)
        if DYNAMIC & 1: beta = tl.load(at_beta + row, mask=there, other=1.0)
        if DYNAMIC & 2: fc = tl.load(at_fc + row, mask=there, other=1.0)
        if DYNAMIC & 4: k0 = tl.load(at_k0 + row, mask=there, other=1.0)
        if DYNAMIC & 8: k1 = tl.load(at_k1 + row, mask=there, other=1.0)
        if DYNAMIC & 16: k2 = tl.load(at_k2 + row, mask=there, other=1.0)
        if DYNAMIC & 32: lp = tl.load(at_lp + row, mask=there, other=1.0)
        if DYNAMIC & 64: perc = tl.load(at_perc + row, mask=there, other=1.0)
        if DYNAMIC & 128: uzl = tl.load(at_uzl + row, mask=there, other=1.0)
        if DYNAMIC & 256: tt = tl.load(at_tt + row, mask=there, other=1.0)
        if DYNAMIC & 512: cfmax = tl.load(at_cfmax + row, mask=there, other=1.0)
        if DYNAMIC & 1024: cfr = tl.load(at_cfr + row, mask=there, other=1.0)
        if DYNAMIC & 2048: cwh = tl.load(at_cwh + row, mask=there, other=1.0)
        if DYNAMIC & 4096: gamma = tl.load(at_gamma + row, mask=there, other=1.0)
        if DYNAMIC & 8192: c = tl.load(at_c + row, mask=there, other=1.0)
        if DYNAMIC & 1: share += beta - beta
        if DYNAMIC & 2: share += fc - fc
        if DYNAMIC & 4: share += k0 - k0
        if DYNAMIC & 8: share += k1 - k1
        if DYNAMIC & 16: share += k2 - k2
        if DYNAMIC & 32: share += lp - lp
        if DYNAMIC & 64: share += perc - perc
        if DYNAMIC & 128: share += uzl - uzl
        if DYNAMIC & 256: share += tt - tt
        if DYNAMIC & 512: share += cfmax - cfmax
        if DYNAMIC & 1024: share += cfr - cfr
        if DYNAMIC & 2048: share += cwh - cwh
        if DYNAMIC & 4096: share += gamma - gamma
        if DYNAMIC & 8192: share += c - c
        p = tl.load(weather + day[:, None] * 3 + 0, mask=here[:, None], other=0.0)
        t = tl.load(weather + day[:, None] * 3 + 1, mask=here[:, None], other=0.0)
        ep = tl.load(weather + day[:, None] * 3 + 2, mask=here[:, None], other=0.0)
        (
            end_snowpack,
            end_snow_liquid,
            end_soil_water,
            end_upper_zone,
            end_lower_zone,
            y_et,
            y_rain,
            y_snow,
            y_melt,
            y_refreeze,
            y_infiltration,
            y_peff,
            y_excess,
            y_recharge,
            y_capillary_rise,
            y_percolation,
            y_q0,
            y_q1,
            y_q2,
            y_snowpack,
            y_snow_liquid,
            y_swe,
            y_soil_water,
            y_upper_zone,
            y_lower_zone,
        ) = step(
            end_snowpack,
            end_snow_liquid,
            end_soil_water,
            end_upper_zone,
            end_lower_zone,
            p,
            t,
            ep,
            beta,
            fc,
            k0,
            k1,
            k2,
            lp,
            perc,
            uzl,
            tt,
            cfmax,
            cfr,
            cwh,
            gamma,
            c,
        )
        if WANTED & 1: tl.store(at_y_et + day, tl.sum(y_et * share, 1), mask=here)
        if WANTED & 2: tl.store(at_y_rain + day, tl.sum(y_rain * share, 1), mask=here)
        if WANTED & 4: tl.store(at_y_snow + day, tl.sum(y_snow * share, 1), mask=here)
        if WANTED & 8: tl.store(at_y_melt + day, tl.sum(y_melt * share, 1), mask=here)
        if WANTED & 16: tl.store(at_y_refreeze + day, tl.sum(y_refreeze * share, 1), mask=here)
        if WANTED & 32: tl.store(at_y_infiltration + day, tl.sum(y_infiltration * share, 1), mask=here)
        if WANTED & 64: tl.store(at_y_peff + day, tl.sum(y_peff * share, 1), mask=here)
        if WANTED & 128: tl.store(at_y_excess + day, tl.sum(y_excess * share, 1), mask=here)
        if WANTED & 256: tl.store(at_y_recharge + day, tl.sum(y_recharge * share, 1), mask=here)
        if WANTED & 512: tl.store(at_y_capillary_rise + day, tl.sum(y_capillary_rise * share, 1), mask=here)
        if WANTED & 1024: tl.store(at_y_percolation + day, tl.sum(y_percolation * share, 1), mask=here)
        if WANTED & 2048: tl.store(at_y_q0 + day, tl.sum(y_q0 * share, 1), mask=here)
        if WANTED & 4096: tl.store(at_y_q1 + day, tl.sum(y_q1 * share, 1), mask=here)
        if WANTED & 8192: tl.store(at_y_q2 + day, tl.sum(y_q2 * share, 1), mask=here)
        if WANTED & 16384: tl.store(at_y_snowpack + day, tl.sum(y_snowpack * share, 1), mask=here)
        if WANTED & 32768: tl.store(at_y_snow_liquid + day, tl.sum(y_snow_liquid * share, 1), mask=here)
        if WANTED & 65536: tl.store(at_y_swe + day, tl.sum(y_swe * share, 1), mask=here)
        if WANTED & 131072: tl.store(at_y_soil_water + day, tl.sum(y_soil_water * share, 1), mask=here)
        if WANTED & 262144: tl.store(at_y_upper_zone + day, tl.sum(y_upper_zone * share, 1), mask=here)
        if WANTED & 524288: tl.store(at_y_lower_zone + day, tl.sum(y_lower_zone * share, 1), mask=here)
        day += basins
        row += columns
    tl.store(at_end_snowpack + column, end_snowpack + (share - share), mask=there)
    tl.store(at_end_snow_liquid + column, end_snow_liquid + (share - share), mask=there)
    tl.store(at_end_soil_water + column, end_soil_water + (share - share), mask=there)
    tl.store(at_end_upper_zone + column, end_upper_zone + (share - share), mask=there)
    tl.store(at_end_lower_zone + column, end_lower_zone + (share - share), mask=there)


@triton.jit(do_not_specialize=["days", "basins", "components"])
def reverse(
    weather,
    kept,
    at_d_end_snowpack,
    at_d_end_snow_liquid,
    at_d_end_soil_water,
    at_d_end_upper_zone,
    at_d_end_lower_zone,
    at_d_snowpack,
    at_d_snow_liquid,
    at_d_soil_water,
    at_d_upper_zone,
    at_d_lower_zone,
    at_d_weather,
    at_beta,
    at_fc,
    at_k0,
    at_k1,
    at_k2,
    at_lp,
    at_perc,
    at_uzl,
    at_tt,
    at_cfmax,
    at_cfr,
    at_cwh,
    at_gamma,
    at_c,
    at_d_beta,
    at_d_fc,
    at_d_k0,
    at_d_k1,
    at_d_k2,
    at_d_lp,
    at_d_perc,
    at_d_uzl,
    at_d_tt,
    at_d_cfmax,
    at_d_cfr,
    at_d_cwh,
    at_d_gamma,
    at_d_c,
    at_d_y_et,
    at_d_y_rain,
    at_d_y_snow,
    at_d_y_melt,
    at_d_y_refreeze,
    at_d_y_infiltration,
    at_d_y_peff,
    at_d_y_excess,
    at_d_y_recharge,
    at_d_y_capillary_rise,
    at_d_y_percolation,
    at_d_y_q0,
    at_d_y_q1,
    at_d_y_q2,
    at_d_y_snowpack,
    at_d_y_snow_liquid,
    at_d_y_swe,
    at_d_y_soil_water,
    at_d_y_upper_zone,
    at_d_y_lower_zone,
    days,
    basins,
    components,
    DYNAMIC: tl.constexpr,
    WANTED: tl.constexpr,
    ENDS: tl.constexpr,
    WEATHER: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    basin = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    component = tl.arange(0, COLUMNS)[None, :]
    here, there = basin < basins, (basin[:, None] < basins) & (component < components)
    column, columns = basin[:, None] * components + component, basins.to(tl.int64) * components
    share = tl.where(there, 1.0, 0.0).to(weather.dtype.element_ty) / components
    zero = share * 0.0
    d_end_snowpack = zero
    d_end_snow_liquid = zero
    d_end_soil_water = zero
    d_end_upper_zone = zero
    d_end_lower_zone = zero
    if ENDS & 1: d_end_snowpack = tl.load(at_d_end_snowpack + column, mask=there, other=0.0)
    if ENDS & 2: d_end_snow_liquid = tl.load(at_d_end_snow_liquid + column, mask=there, other=0.0)
    if ENDS & 4: d_end_soil_water = tl.load(at_d_end_soil_water + column, mask=there, other=0.0)
    if ENDS & 8: d_end_upper_zone = tl.load(at_d_end_upper_zone + column, mask=there, other=0.0)
    if ENDS & 16: d_end_lower_zone = tl.load(at_d_end_lower_zone + column, mask=there, other=0.0)
    d_y_et = zero
    d_y_rain = zero
    d_y_snow = zero
    d_y_melt = zero
    d_y_refreeze = zero
    d_y_infiltration = zero
    d_y_peff = zero
    d_y_excess = zero
    d_y_recharge = zero
    d_y_capillary_rise = zero
    d_y_percolation = zero
    d_y_q0 = zero
    d_y_q1 = zero
    d_y_q2 = zero
    d_y_snowpack = zero
    d_y_snow_liquid = zero
    d_y_swe = zero
    d_y_soil_water = zero
    d_y_upper_zone = zero
    d_y_lower_zone = zero
    beta = tl.load(at_beta + column, mask=there, other=1.0)
    fc = tl.load(at_fc + column, mask=there, other=1.0)
    k0 = tl.load(at_k0 + column, mask=there, other=1.0)
    k1 = tl.load(at_k1 + column, mask=there, other=1.0)
    k2 = tl.load(at_k2 + column, mask=there, other=1.0)
    lp = tl.load(at_lp + column, mask=there, other=1.0)
    perc = tl.load(at_perc + column, mask=there, other=1.0)
    uzl = tl.load(at_uzl + column, mask=there, other=1.0)
    tt = tl.load(at_tt + column, mask=there, other=1.0)
    cfmax = tl.load(at_cfmax + column, mask=there, other=1.0)
    cfr = tl.load(at_cfr + column, mask=there, other=1.0)
    cwh = tl.load(at_cwh + column, mask=there, other=1.0)
    gamma = tl.load(at_gamma + column, mask=there, other=1.0)
    c = tl.load(at_c + column, mask=there, other=1.0)
    sum_beta = zero
    sum_fc = zero
    sum_k0 = zero
    sum_k1 = zero
    sum_k2 = zero
    sum_lp = zero
    sum_perc = zero
    sum_uzl = zero
    sum_tt = zero
    sum_cfmax = zero
    sum_cfr = zero
    sum_cwh = zero
    sum_gamma = zero
    sum_c = zero
    last = (days - 1).to(tl.int64)
    day, row = basin + last * basins, column + last * columns
    for _ in range(days):
        snowpack = tl.load(kept + 0 * days * columns + row, mask=there, other=1.0)
        snow_liquid = tl.load(kept + 1 * days * columns + row, mask=there, other=1.0)
        soil_water = tl.load(kept + 2 * days * columns + row, mask=there, other=1.0)
        upper_zone = tl.load(kept + 3 * days * columns + row, mask=there, other=1.0)
        lower_zone = tl.load(kept + 4 * days * columns + row, mask=there, other=1.0)
        if DYNAMIC & 1: beta = tl.load(at_beta + row, mask=there, other=1.0)
        if DYNAMIC & 2: fc = tl.load(at_fc + row, mask=there, other=1.0)
        if DYNAMIC & 4: k0 = tl.load(at_k0 + row, mask=there, other=1.0)
        if DYNAMIC & 8: k1 = tl.load(at_k1 + row, mask=there, other=1.0)
        if DYNAMIC & 16: k2 = tl.load(at_k2 + row, mask=there, other=1.0)
        if DYNAMIC & 32: lp = tl.load(at_lp + row, mask=there, other=1.0)
        if DYNAMIC & 64: perc = tl.load(at_perc + row, mask=there, other=1.0)
        if DYNAMIC & 128: uzl = tl.load(at_uzl + row, mask=there, other=1.0)
        if DYNAMIC & 256: tt = tl.load(at_tt + row, mask=there, other=1.0)
        if DYNAMIC & 512: cfmax = tl.load(at_cfmax + row, mask=there, other=1.0)
        if DYNAMIC & 1024: cfr = tl.load(at_cfr + row, mask=there, other=1.0)
        if DYNAMIC & 2048: cwh = tl.load(at_cwh + row, mask=there, other=1.0)
        if DYNAMIC & 4096: gamma = tl.load(at_gamma + row, mask=there, other=1.0)
        if DYNAMIC & 8192: c = tl.load(at_c + row, mask=there, other=1.0)
        p = tl.load(weather + day[:, None] * 3 + 0, mask=here[:, None], other=0.0)
        t = tl.load(weather + day[:, None] * 3 + 1, mask=here[:, None], other=0.0)
        ep = tl.load(weather + day[:, None] * 3 + 2, mask=here[:, None], other=0.0)
        if WANTED & 1: d_y_et = tl.load(at_d_y_et + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 2: d_y_rain = tl.load(at_d_y_rain + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 4: d_y_snow = tl.load(at_d_y_snow + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 8: d_y_melt = tl.load(at_d_y_melt + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 16: d_y_refreeze = tl.load(at_d_y_refreeze + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 32: d_y_infiltration = tl.load(at_d_y_infiltration + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 64: d_y_peff = tl.load(at_d_y_peff + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 128: d_y_excess = tl.load(at_d_y_excess + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 256: d_y_recharge = tl.load(at_d_y_recharge + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 512: d_y_capillary_rise = tl.load(at_d_y_capillary_rise + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 1024: d_y_percolation = tl.load(at_d_y_percolation + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 2048: d_y_q0 = tl.load(at_d_y_q0 + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 4096: d_y_q1 = tl.load(at_d_y_q1 + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 8192: d_y_q2 = tl.load(at_d_y_q2 + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 16384: d_y_snowpack = tl.load(at_d_y_snowpack + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 32768: d_y_snow_liquid = tl.load(at_d_y_snow_liquid + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 65536: d_y_swe = tl.load(at_d_y_swe + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 131072: d_y_soil_water = tl.load(at_d_y_soil_water + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 262144: d_y_upper_zone = tl.load(at_d_y_upper_zone + day, mask=here, other=0.0)[:, None] * share
        if WANTED & 524288: d_y_lower_zone = tl.load(at_d_y_lower_zone + day, mask=here, other=0.0)[:, None] * share
        (
            d_end_snowpack,
            d_end_snow_liquid,
            d_end_soil_water,
            d_end_upper_zone,
            d_end_lower_zone,
            d_p,
            d_t,
            d_ep,
            d_beta,
            d_fc,
            d_k0,
            d_k1,
            d_k2,
            d_lp,
            d_perc,
            d_uzl,
            d_tt,
            d_cfmax,
            d_cfr,
            d_cwh,
            d_gamma,
            d_c,
        ) = adjoint(
            snowpack,
            snow_liquid,
            soil_water,
            upper_zone,
            lower_zone,
            p,
            t,
            ep,
            beta,
            fc,
            k0,
            k1,
            k2,
            lp,
            perc,
            uzl,
            tt,
            cfmax,
            cfr,
            cwh,
            gamma,
            c,
            d_end_snowpack,
            d_end_snow_liquid,
            d_end_soil_water,
            d_end_upper_zone,
            d_end_lower_zone,
            d_y_et,
            d_y_rain,
            d_y_snow,
            d_y_melt,
            d_y_refreeze,
            d_y_infiltration,
            d_y_peff,
            d_y_excess,
            d_y_recharge,
            d_y_capillary_rise,
            d_y_percolation,
            d_y_q0,
            d_y_q1,
            d_y_q2,
            d_y_snowpack,
            d_y_snow_liquid,
            d_y_swe,
            d_y_soil_water,
            d_y_upper_zone,
            d_y_lower_zone,
        )
        if DYNAMIC & 1: tl.store(at_d_beta + row, d_beta, mask=there)
        if DYNAMIC & 2: tl.store(at_d_fc + row, d_fc, mask=there)
        if DYNAMIC & 4: tl.store(at_d_k0 + row, d_k0, mask=there)
        if DYNAMIC & 8: tl.store(at_d_k1 + row, d_k1, mask=there)
        if DYNAMIC & 16: tl.store(at_d_k2 + row, d_k2, mask=there)
        if DYNAMIC & 32: tl.store(at_d_lp + row, d_lp, mask=there)
        if DYNAMIC & 64: tl.store(at_d_perc + row, d_perc, mask=there)
        if DYNAMIC & 128: tl.store(at_d_uzl + row, d_uzl, mask=there)
        if DYNAMIC & 256: tl.store(at_d_tt + row, d_tt, mask=there)
        if DYNAMIC & 512: tl.store(at_d_cfmax + row, d_cfmax, mask=there)
        if DYNAMIC & 1024: tl.store(at_d_cfr + row, d_cfr, mask=there)
        if DYNAMIC & 2048: tl.store(at_d_cwh + row, d_cwh, mask=there)
        if DYNAMIC & 4096: tl.store(at_d_gamma + row, d_gamma, mask=there)
        if DYNAMIC & 8192: tl.store(at_d_c + row, d_c, mask=there)
        if not DYNAMIC & 1: sum_beta += d_beta
        if not DYNAMIC & 2: sum_fc += d_fc
        if not DYNAMIC & 4: sum_k0 += d_k0
        if not DYNAMIC & 8: sum_k1 += d_k1
        if not DYNAMIC & 16: sum_k2 += d_k2
        if not DYNAMIC & 32: sum_lp += d_lp
        if not DYNAMIC & 64: sum_perc += d_perc
        if not DYNAMIC & 128: sum_uzl += d_uzl
        if not DYNAMIC & 256: sum_tt += d_tt
        if not DYNAMIC & 512: sum_cfmax += d_cfmax
        if not DYNAMIC & 1024: sum_cfr += d_cfr
        if not DYNAMIC & 2048: sum_cwh += d_cwh
        if not DYNAMIC & 4096: sum_gamma += d_gamma
        if not DYNAMIC & 8192: sum_c += d_c
        if WEATHER:
            tl.store(at_d_weather + day * 3 + 0, tl.sum(tl.where(there, d_p, 0.0), 1), mask=here)
            tl.store(at_d_weather + day * 3 + 1, tl.sum(tl.where(there, d_t, 0.0), 1), mask=here)
            tl.store(at_d_weather + day * 3 + 2, tl.sum(tl.where(there, d_ep, 0.0), 1), mask=here)
        day -= basins
        row -= columns
    tl.store(at_d_snowpack + column, d_end_snowpack, mask=there)
    tl.store(at_d_snow_liquid + column, d_end_snow_liquid, mask=there)
    tl.store(at_d_soil_water + column, d_end_soil_water, mask=there)
    tl.store(at_d_upper_zone + column, d_end_upper_zone, mask=there)
    tl.store(at_d_lower_zone + column, d_end_lower_zone, mask=there)
    if not DYNAMIC & 1: tl.store(at_d_beta + column, sum_beta, mask=there)
    if not DYNAMIC & 2: tl.store(at_d_fc + column, sum_fc, mask=there)
    if not DYNAMIC & 4: tl.store(at_d_k0 + column, sum_k0, mask=there)
    if not DYNAMIC & 8: tl.store(at_d_k1 + column, sum_k1, mask=there)
    if not DYNAMIC & 16: tl.store(at_d_k2 + column, sum_k2, mask=there)
    if not DYNAMIC & 32: tl.store(at_d_lp + column, sum_lp, mask=there)
    if not DYNAMIC & 64: tl.store(at_d_perc + column, sum_perc, mask=there)
    if not DYNAMIC & 128: tl.store(at_d_uzl + column, sum_uzl, mask=there)
    if not DYNAMIC & 256: tl.store(at_d_tt + column, sum_tt, mask=there)
    if not DYNAMIC & 512: tl.store(at_d_cfmax + column, sum_cfmax, mask=there)
    if not DYNAMIC & 1024: tl.store(at_d_cfr + column, sum_cfr, mask=there)
    if not DYNAMIC & 2048: tl.store(at_d_cwh + column, sum_cwh, mask=there)
    if not DYNAMIC & 4096: tl.store(at_d_gamma + column, sum_gamma, mask=there)
    if not DYNAMIC & 8192: tl.store(at_d_c + column, sum_c, mask=there)
