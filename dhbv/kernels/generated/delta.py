"""Form delta for the GPU, printed by `python -m dhbv.kernels.trace --write`; do not edit."""
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
):
    """One day: stores at its end, and the outputs."""
    v21 = t >= tt
    v23 = tl.where(v21, p, 0.0)
    v24 = p - v23
    v25 = snowpack + v24
    v26 = t - tt
    v27 = cfmax * v26
    v28 = tl.maximum(v27, 0.0)
    v29 = tl.minimum(v25, v28)
    v30 = v25 - v29
    v31 = snow_liquid + v29
    v32 = cfmax * cfr
    v33 = tt - t
    v34 = v32 * v33
    v35 = tl.maximum(v34, 0.0)
    v36 = tl.minimum(v31, v35)
    v37 = v30 + v36
    v38 = v31 - v36
    v39 = cwh * v37
    v40 = v38 - v39
    v41 = tl.maximum(v40, 0.0)
    v42 = v38 - v41
    v43 = v23 + v41
    v45 = tl.maximum(soil_water, 1e-05)
    v46 = v45 / fc
    v47 = tl.log2(v46)
    v48 = beta * v47
    v49 = tl.exp2(v48)
    v51 = tl.minimum(v49, 1.0)
    v52 = v43 * v51
    v53 = v43 - v52
    v54 = soil_water + v53
    v55 = v54 - fc
    v56 = tl.maximum(v55, 0.0)
    v57 = v54 - v56
    v58 = tl.maximum(v57, 1e-05)
    v59 = fc * lp
    v60 = v58 / v59
    v61 = tl.log2(v60)
    v62 = gamma * v61
    v63 = tl.exp2(v62)
    v64 = tl.minimum(v63, 1.0)
    v65 = ep * v64
    v66 = tl.minimum(v57, v65)
    v67 = v57 - v66
    v68 = v52 + v56
    v69 = upper_zone + v68
    v70 = tl.minimum(perc, v69)
    v71 = v69 - v70
    v72 = v71 - uzl
    v73 = tl.maximum(v72, 0.0)
    v74 = k0 * v73
    v75 = v71 - v74
    v76 = k1 * v75
    v77 = v75 - v76
    v78 = lower_zone + v70
    v79 = k2 * v78
    v80 = v78 - v79
    v81 = v37 + v42
    return v37, v42, v67, v77, v80, v66, v23, v24, v29, v36, v41, v52, v56, v68, tl.zeros_like(snowpack) + 0.0, v70, v74, v76, v79, v37, v42, v81, v67, v77, v80


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
    v46 = t >= tt
    v48 = tl.where(v46, p, 0.0)
    v49 = p - v48
    v50 = snowpack + v49
    v51 = t - tt
    v52 = cfmax * v51
    v53 = tl.maximum(v52, 0.0)
    v54 = tl.minimum(v50, v53)
    v55 = v50 - v54
    v56 = snow_liquid + v54
    v57 = cfmax * cfr
    v58 = tt - t
    v59 = v57 * v58
    v60 = tl.maximum(v59, 0.0)
    v61 = tl.minimum(v56, v60)
    v62 = v55 + v61
    v63 = v56 - v61
    v64 = cwh * v62
    v65 = v63 - v64
    v66 = tl.maximum(v65, 0.0)
    v67 = v48 + v66
    v69 = tl.maximum(soil_water, 1e-05)
    v70 = v69 / fc
    v71 = tl.log2(v70)
    v72 = beta * v71
    v73 = tl.exp2(v72)
    v75 = tl.minimum(v73, 1.0)
    v76 = v67 * v75
    v77 = v67 - v76
    v78 = soil_water + v77
    v79 = v78 - fc
    v80 = tl.maximum(v79, 0.0)
    v81 = v78 - v80
    v82 = tl.maximum(v81, 1e-05)
    v83 = fc * lp
    v84 = v82 / v83
    v85 = tl.log2(v84)
    v86 = gamma * v85
    v87 = tl.exp2(v86)
    v88 = tl.minimum(v87, 1.0)
    v89 = ep * v88
    v90 = v76 + v80
    v91 = upper_zone + v90
    v92 = tl.minimum(perc, v91)
    v93 = v91 - v92
    v94 = v93 - uzl
    v95 = tl.maximum(v94, 0.0)
    v96 = k0 * v95
    v97 = v93 - v96
    v98 = lower_zone + v92
    v99 = d_end_snowpack + d_y_snowpack
    v100 = d_end_snow_liquid + d_y_snow_liquid
    v101 = d_end_soil_water + d_y_soil_water
    v102 = d_end_upper_zone + d_y_upper_zone
    v103 = d_end_lower_zone + d_y_lower_zone
    v104 = d_y_swe + v99
    v105 = d_y_swe + v100
    v106 = d_y_q2 - v103
    v107 = k2 * v106
    v108 = v98 * v106
    v109 = v103 + v107
    v110 = d_y_percolation + v109
    v111 = d_y_q1 - v102
    v112 = k1 * v111
    v113 = v97 * v111
    v114 = v102 + v112
    v115 = d_y_q0 - v114
    v116 = k0 * v115
    v117 = v95 * v115
    v118 = v94 >= 0.0
    v119 = tl.where(v118, v116, 0.0)
    v120 = -v119
    v121 = v114 + v119
    v122 = v110 - v121
    v124 = v122 * 0.5
    v125 = perc == v91
    v126 = tl.where(v125, v124, v122)
    v127 = perc < v91
    v128 = tl.where(v127, 0.0, v126)
    v129 = perc > v91
    v130 = tl.where(v129, 0.0, v126)
    v131 = v121 + v128
    v132 = d_y_recharge + v131
    v133 = d_y_peff + v132
    v134 = d_y_excess + v132
    v135 = d_y_et - v101
    v136 = v135 * 0.5
    v137 = v81 == v89
    v138 = tl.where(v137, v136, v135)
    v139 = v89 < v81
    v140 = tl.where(v139, 0.0, v138)
    v141 = v89 > v81
    v142 = tl.where(v141, 0.0, v138)
    v143 = v101 + v140
    v144 = v88 * v142
    v145 = ep * v142
    v146 = v87 <= 1.0
    v147 = tl.where(v146, v145, 0.0)
    v148 = gamma >= 0.0
    v149 = v84 == 0.0
    v150 = v148 & v149
    v152 = v85 * 0.6931471805599453
    v153 = v87 * v152
    v154 = tl.where(v150, 0.0, v153)
    v155 = v147 * v154
    v156 = v87 / v84
    v157 = gamma * v156
    v158 = v147 * v157
    v159 = gamma == 0.0
    v160 = tl.where(v159, 0.0, v158)
    v161 = v84 / v83
    v162 = -v160
    v163 = v161 * v162
    v164 = v160 / v83
    v165 = lp * v163
    v166 = fc * v163
    v167 = v81 >= 1e-05
    v168 = tl.where(v167, v164, 0.0)
    v169 = v143 + v168
    v170 = v134 - v169
    v171 = v79 >= 0.0
    v172 = tl.where(v171, v170, 0.0)
    v173 = v169 + v172
    v174 = v165 - v172
    v175 = v133 - v173
    v176 = v75 * v175
    v177 = v67 * v175
    v178 = v173 + v176
    v179 = v73 <= 1.0
    v180 = tl.where(v179, v177, 0.0)
    v181 = beta >= 0.0
    v182 = v70 == 0.0
    v183 = v181 & v182
    v184 = v71 * 0.6931471805599453
    v185 = v73 * v184
    v186 = tl.where(v183, 0.0, v185)
    v187 = v180 * v186
    v188 = v73 / v70
    v189 = beta * v188
    v190 = v180 * v189
    v191 = beta == 0.0
    v192 = tl.where(v191, 0.0, v190)
    v193 = v70 / fc
    v194 = -v192
    v195 = v193 * v194
    v196 = v192 / fc
    v197 = v174 + v195
    v198 = soil_water >= 1e-05
    v199 = tl.where(v198, v196, 0.0)
    v200 = v173 + v199
    v201 = d_y_rain + v178
    v202 = d_y_infiltration + v178
    v203 = v202 - v105
    v204 = v65 >= 0.0
    v205 = tl.where(v204, v203, 0.0)
    v206 = -v205
    v207 = v105 + v205
    v208 = cwh * v206
    v209 = v62 * v206
    v210 = v104 + v208
    v211 = d_y_refreeze - v207
    v212 = v210 + v211
    v213 = v212 * 0.5
    v214 = v56 == v60
    v215 = tl.where(v214, v213, v212)
    v216 = v60 < v56
    v217 = tl.where(v216, 0.0, v215)
    v218 = v60 > v56
    v219 = tl.where(v218, 0.0, v215)
    v220 = v207 + v217
    v221 = v59 >= 0.0
    v222 = tl.where(v221, v219, 0.0)
    v223 = v57 * v222
    v224 = v58 * v222
    v225 = cfr * v224
    v226 = cfmax * v224
    v227 = d_y_melt + v220
    v228 = v227 - v210
    v229 = v228 * 0.5
    v230 = v50 == v53
    v231 = tl.where(v230, v229, v228)
    v232 = v53 < v50
    v233 = tl.where(v232, 0.0, v231)
    v234 = v53 > v50
    v235 = tl.where(v234, 0.0, v231)
    v236 = v210 + v233
    v237 = v52 >= 0.0
    v238 = tl.where(v237, v235, 0.0)
    v239 = cfmax * v238
    v240 = v51 * v238
    v241 = v225 + v240
    v242 = v239 - v223
    v243 = v223 - v239
    v244 = d_y_snow + v236
    v245 = v201 - v244
    v246 = tl.where(v46, v245, 0.0)
    v247 = v244 + v246
    return v236, v220, v200, v131, v109, v247, v242, v144, v187, v197, v117, v113, v108, v166, v130, v120, v243, v241, v226, v209, v155


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
