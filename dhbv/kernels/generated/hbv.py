"""Form hbv for the GPU, printed by `python -m dhbv.kernels.trace --write`; do not edit."""
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
):
    """One day: stores at its end, and the outputs."""
    v20 = t >= tt
    v22 = tl.where(v20, p, 0.0)
    v23 = p - v22
    v24 = snowpack + v23
    v25 = t - tt
    v26 = cfmax * v25
    v27 = tl.maximum(v26, 0.0)
    v28 = tl.minimum(v24, v27)
    v29 = v24 - v28
    v30 = snow_liquid + v28
    v31 = cfmax * cfr
    v32 = tt - t
    v33 = v31 * v32
    v34 = tl.maximum(v33, 0.0)
    v35 = tl.minimum(v30, v34)
    v36 = v29 + v35
    v37 = v30 - v35
    v38 = cwh * v36
    v39 = v37 - v38
    v40 = tl.maximum(v39, 0.0)
    v41 = v37 - v40
    v42 = v22 + v40
    v44 = tl.maximum(soil_water, 1e-05)
    v45 = v44 / fc
    v46 = tl.log2(v45)
    v47 = beta * v46
    v48 = tl.exp2(v47)
    v50 = tl.minimum(v48, 1.0)
    v51 = v42 * v50
    v52 = v42 - v51
    v53 = soil_water + v52
    v54 = v53 - fc
    v55 = tl.maximum(v54, 0.0)
    v56 = v53 - v55
    v57 = tl.maximum(v56, 1e-05)
    v58 = fc * lp
    v59 = v57 / v58
    v60 = tl.minimum(v59, 1.0)
    v61 = ep * v60
    v62 = tl.minimum(v56, v61)
    v63 = v56 - v62
    v64 = v51 + v55
    v65 = upper_zone + v64
    v66 = tl.minimum(perc, v65)
    v67 = v65 - v66
    v68 = v67 - uzl
    v69 = tl.maximum(v68, 0.0)
    v70 = k0 * v69
    v71 = v67 - v70
    v72 = k1 * v71
    v73 = v71 - v72
    v74 = lower_zone + v66
    v75 = k2 * v74
    v76 = v74 - v75
    v77 = v36 + v41
    return v36, v41, v63, v73, v76, v62, v22, v23, v28, v35, v40, v51, v55, v64, tl.zeros_like(snowpack) + 0.0, v66, v70, v72, v75, v36, v41, v77, v63, v73, v76


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
    v45 = t >= tt
    v47 = tl.where(v45, p, 0.0)
    v48 = p - v47
    v49 = snowpack + v48
    v50 = t - tt
    v51 = cfmax * v50
    v52 = tl.maximum(v51, 0.0)
    v53 = tl.minimum(v49, v52)
    v54 = v49 - v53
    v55 = snow_liquid + v53
    v56 = cfmax * cfr
    v57 = tt - t
    v58 = v56 * v57
    v59 = tl.maximum(v58, 0.0)
    v60 = tl.minimum(v55, v59)
    v61 = v54 + v60
    v62 = v55 - v60
    v63 = cwh * v61
    v64 = v62 - v63
    v65 = tl.maximum(v64, 0.0)
    v66 = v47 + v65
    v68 = tl.maximum(soil_water, 1e-05)
    v69 = v68 / fc
    v70 = tl.log2(v69)
    v71 = beta * v70
    v72 = tl.exp2(v71)
    v74 = tl.minimum(v72, 1.0)
    v75 = v66 * v74
    v76 = v66 - v75
    v77 = soil_water + v76
    v78 = v77 - fc
    v79 = tl.maximum(v78, 0.0)
    v80 = v77 - v79
    v81 = tl.maximum(v80, 1e-05)
    v82 = fc * lp
    v83 = v81 / v82
    v84 = tl.minimum(v83, 1.0)
    v85 = ep * v84
    v86 = v75 + v79
    v87 = upper_zone + v86
    v88 = tl.minimum(perc, v87)
    v89 = v87 - v88
    v90 = v89 - uzl
    v91 = tl.maximum(v90, 0.0)
    v92 = k0 * v91
    v93 = v89 - v92
    v94 = lower_zone + v88
    v95 = d_end_snowpack + d_y_snowpack
    v96 = d_end_snow_liquid + d_y_snow_liquid
    v97 = d_end_soil_water + d_y_soil_water
    v98 = d_end_upper_zone + d_y_upper_zone
    v99 = d_end_lower_zone + d_y_lower_zone
    v100 = d_y_swe + v95
    v101 = d_y_swe + v96
    v102 = d_y_q2 - v99
    v103 = k2 * v102
    v104 = v94 * v102
    v105 = v99 + v103
    v106 = d_y_percolation + v105
    v107 = d_y_q1 - v98
    v108 = k1 * v107
    v109 = v93 * v107
    v110 = v98 + v108
    v111 = d_y_q0 - v110
    v112 = k0 * v111
    v113 = v91 * v111
    v114 = v90 >= 0.0
    v115 = tl.where(v114, v112, 0.0)
    v116 = -v115
    v117 = v110 + v115
    v118 = v106 - v117
    v120 = v118 * 0.5
    v121 = perc == v87
    v122 = tl.where(v121, v120, v118)
    v123 = perc < v87
    v124 = tl.where(v123, 0.0, v122)
    v125 = perc > v87
    v126 = tl.where(v125, 0.0, v122)
    v127 = v117 + v124
    v128 = d_y_recharge + v127
    v129 = d_y_peff + v128
    v130 = d_y_excess + v128
    v131 = d_y_et - v97
    v132 = v131 * 0.5
    v133 = v80 == v85
    v134 = tl.where(v133, v132, v131)
    v135 = v85 < v80
    v136 = tl.where(v135, 0.0, v134)
    v137 = v85 > v80
    v138 = tl.where(v137, 0.0, v134)
    v139 = v97 + v136
    v140 = v84 * v138
    v141 = ep * v138
    v142 = v83 <= 1.0
    v143 = tl.where(v142, v141, 0.0)
    v144 = v83 / v82
    v145 = -v143
    v146 = v144 * v145
    v147 = v143 / v82
    v148 = lp * v146
    v149 = fc * v146
    v150 = v80 >= 1e-05
    v151 = tl.where(v150, v147, 0.0)
    v152 = v139 + v151
    v153 = v130 - v152
    v154 = v78 >= 0.0
    v155 = tl.where(v154, v153, 0.0)
    v156 = v152 + v155
    v157 = v148 - v155
    v158 = v129 - v156
    v159 = v74 * v158
    v160 = v66 * v158
    v161 = v156 + v159
    v162 = v72 <= 1.0
    v163 = tl.where(v162, v160, 0.0)
    v164 = beta >= 0.0
    v165 = v69 == 0.0
    v166 = v164 & v165
    v168 = v70 * 0.6931471805599453
    v169 = v72 * v168
    v170 = tl.where(v166, 0.0, v169)
    v171 = v163 * v170
    v172 = v72 / v69
    v173 = beta * v172
    v174 = v163 * v173
    v175 = beta == 0.0
    v176 = tl.where(v175, 0.0, v174)
    v177 = v69 / fc
    v178 = -v176
    v179 = v177 * v178
    v180 = v176 / fc
    v181 = v157 + v179
    v182 = soil_water >= 1e-05
    v183 = tl.where(v182, v180, 0.0)
    v184 = v156 + v183
    v185 = d_y_rain + v161
    v186 = d_y_infiltration + v161
    v187 = v186 - v101
    v188 = v64 >= 0.0
    v189 = tl.where(v188, v187, 0.0)
    v190 = -v189
    v191 = v101 + v189
    v192 = cwh * v190
    v193 = v61 * v190
    v194 = v100 + v192
    v195 = d_y_refreeze - v191
    v196 = v194 + v195
    v197 = v196 * 0.5
    v198 = v55 == v59
    v199 = tl.where(v198, v197, v196)
    v200 = v59 < v55
    v201 = tl.where(v200, 0.0, v199)
    v202 = v59 > v55
    v203 = tl.where(v202, 0.0, v199)
    v204 = v191 + v201
    v205 = v58 >= 0.0
    v206 = tl.where(v205, v203, 0.0)
    v207 = v56 * v206
    v208 = v57 * v206
    v209 = cfr * v208
    v210 = cfmax * v208
    v211 = d_y_melt + v204
    v212 = v211 - v194
    v213 = v212 * 0.5
    v214 = v49 == v52
    v215 = tl.where(v214, v213, v212)
    v216 = v52 < v49
    v217 = tl.where(v216, 0.0, v215)
    v218 = v52 > v49
    v219 = tl.where(v218, 0.0, v215)
    v220 = v194 + v217
    v221 = v51 >= 0.0
    v222 = tl.where(v221, v219, 0.0)
    v223 = cfmax * v222
    v224 = v50 * v222
    v225 = v209 + v224
    v226 = v223 - v207
    v227 = v207 - v223
    v228 = d_y_snow + v220
    v229 = v185 - v228
    v230 = tl.where(v45, v229, 0.0)
    v231 = v228 + v230
    return v220, v204, v184, v127, v105, v231, v226, v140, v171, v181, v113, v109, v104, v149, v126, v116, v227, v225, v210, v193


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
