"""Form hbv_nn_peff for the GPU, printed by `python -m dhbv.kernels.trace --write`; do not edit."""
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
    nn_0,
    nn_1,
    nn_2,
    nn_3,
    nn_4,
    nn_5,
    nn_6,
    nn_7,
    nn_8,
    nn_9,
    nn_10,
    nn_11,
    nn_12,
    nn_13,
    nn_14,
    nn_15,
    nn_16,
    nn_17,
    nn_18,
    nn_19,
    nn_20,
    nn_21,
    nn_22,
    nn_23,
    nn_24,
    nn_25,
    nn_26,
    nn_27,
    nn_28,
):
    """One day: stores at its end, and the outputs."""
    v49 = t >= tt
    v51 = tl.where(v49, p, 0.0)
    v52 = p - v51
    v53 = snowpack + v52
    v54 = t - tt
    v55 = cfmax * v54
    v56 = tl.maximum(v55, 0.0)
    v57 = tl.minimum(v53, v56)
    v58 = v53 - v57
    v59 = snow_liquid + v57
    v60 = cfmax * cfr
    v61 = tt - t
    v62 = v60 * v61
    v63 = tl.maximum(v62, 0.0)
    v64 = tl.minimum(v59, v63)
    v65 = v58 + v64
    v66 = v59 - v64
    v67 = cwh * v65
    v68 = v66 - v67
    v69 = tl.maximum(v68, 0.0)
    v70 = v66 - v69
    v71 = v51 + v69
    v73 = fc / 500.0
    v75 = beta / 3.0
    v76 = soil_water / 500.0
    v77 = soil_water / fc
    v79 = v71 + 20.0
    v80 = v71 / v79
    v81 = nn_0 * v73
    v82 = nn_5 + v81
    v83 = nn_1 * v75
    v84 = v82 + v83
    v85 = nn_2 * v76
    v86 = v84 + v85
    v87 = nn_3 * v77
    v88 = v86 + v87
    v89 = nn_4 * v80
    v90 = v88 + v89
    v93 = v90 * 2.8853900817779268
    v94 = tl.exp2(v93)
    v96 = v94 + 1.0
    v97 = 2.0 / v96
    v98 = 1.0 - v97
    v99 = nn_6 * v98
    v100 = nn_28 + v99
    v101 = nn_7 * v73
    v102 = nn_12 + v101
    v103 = nn_8 * v75
    v104 = v102 + v103
    v105 = nn_9 * v76
    v106 = v104 + v105
    v107 = nn_10 * v77
    v108 = v106 + v107
    v109 = nn_11 * v80
    v110 = v108 + v109
    v111 = v110 * 2.8853900817779268
    v112 = tl.exp2(v111)
    v113 = v112 + 1.0
    v114 = 2.0 / v113
    v115 = 1.0 - v114
    v116 = nn_13 * v115
    v117 = v100 + v116
    v118 = nn_14 * v73
    v119 = nn_19 + v118
    v120 = nn_15 * v75
    v121 = v119 + v120
    v122 = nn_16 * v76
    v123 = v121 + v122
    v124 = nn_17 * v77
    v125 = v123 + v124
    v126 = nn_18 * v80
    v127 = v125 + v126
    v128 = v127 * 2.8853900817779268
    v129 = tl.exp2(v128)
    v130 = v129 + 1.0
    v131 = 2.0 / v130
    v132 = 1.0 - v131
    v133 = nn_20 * v132
    v134 = v117 + v133
    v135 = nn_21 * v73
    v136 = nn_26 + v135
    v137 = nn_22 * v75
    v138 = v136 + v137
    v139 = nn_23 * v76
    v140 = v138 + v139
    v141 = nn_24 * v77
    v142 = v140 + v141
    v143 = nn_25 * v80
    v144 = v142 + v143
    v145 = v144 * 2.8853900817779268
    v146 = tl.exp2(v145)
    v147 = v146 + 1.0
    v148 = 2.0 / v147
    v149 = 1.0 - v148
    v150 = nn_27 * v149
    v151 = v134 + v150
    v153 = v151 * 0.5
    v154 = v153 * 2.8853900817779268
    v155 = tl.exp2(v154)
    v156 = v155 + 1.0
    v157 = 2.0 / v156
    v158 = 1.0 - v157
    v159 = v158 * 0.5
    v160 = v159 + 0.5
    v161 = v71 * v160
    v162 = v71 - v161
    v163 = soil_water + v162
    v164 = v163 - fc
    v165 = tl.maximum(v164, 0.0)
    v166 = v163 - v165
    v168 = tl.maximum(v166, 1e-05)
    v169 = fc * lp
    v170 = v168 / v169
    v171 = tl.minimum(v170, 1.0)
    v172 = ep * v171
    v173 = tl.minimum(v166, v172)
    v174 = v166 - v173
    v175 = v161 + v165
    v176 = upper_zone + v175
    v177 = tl.minimum(perc, v176)
    v178 = v176 - v177
    v179 = v178 - uzl
    v180 = tl.maximum(v179, 0.0)
    v181 = k0 * v180
    v182 = v178 - v181
    v183 = k1 * v182
    v184 = v182 - v183
    v185 = lower_zone + v177
    v186 = k2 * v185
    v187 = v185 - v186
    v188 = v65 + v70
    return v65, v70, v174, v184, v187, v173, v51, v52, v57, v64, v69, v161, v165, v175, tl.zeros_like(snowpack) + 0.0, v177, v181, v183, v186, v65, v70, v188, v174, v184, v187


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
    nn_0,
    nn_1,
    nn_2,
    nn_3,
    nn_4,
    nn_5,
    nn_6,
    nn_7,
    nn_8,
    nn_9,
    nn_10,
    nn_11,
    nn_12,
    nn_13,
    nn_14,
    nn_15,
    nn_16,
    nn_17,
    nn_18,
    nn_19,
    nn_20,
    nn_21,
    nn_22,
    nn_23,
    nn_24,
    nn_25,
    nn_26,
    nn_27,
    nn_28,
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
    v74 = t >= tt
    v76 = tl.where(v74, p, 0.0)
    v77 = p - v76
    v78 = snowpack + v77
    v79 = t - tt
    v80 = cfmax * v79
    v81 = tl.maximum(v80, 0.0)
    v82 = tl.minimum(v78, v81)
    v83 = v78 - v82
    v84 = snow_liquid + v82
    v85 = cfmax * cfr
    v86 = tt - t
    v87 = v85 * v86
    v88 = tl.maximum(v87, 0.0)
    v89 = tl.minimum(v84, v88)
    v90 = v83 + v89
    v91 = v84 - v89
    v92 = cwh * v90
    v93 = v91 - v92
    v94 = tl.maximum(v93, 0.0)
    v95 = v76 + v94
    v97 = fc / 500.0
    v99 = beta / 3.0
    v100 = soil_water / 500.0
    v101 = soil_water / fc
    v103 = v95 + 20.0
    v104 = v95 / v103
    v105 = nn_0 * v97
    v106 = nn_5 + v105
    v107 = nn_1 * v99
    v108 = v106 + v107
    v109 = nn_2 * v100
    v110 = v108 + v109
    v111 = nn_3 * v101
    v112 = v110 + v111
    v113 = nn_4 * v104
    v114 = v112 + v113
    v117 = v114 * 2.8853900817779268
    v118 = tl.exp2(v117)
    v120 = v118 + 1.0
    v121 = 2.0 / v120
    v122 = 1.0 - v121
    v123 = nn_6 * v122
    v124 = nn_28 + v123
    v125 = nn_7 * v97
    v126 = nn_12 + v125
    v127 = nn_8 * v99
    v128 = v126 + v127
    v129 = nn_9 * v100
    v130 = v128 + v129
    v131 = nn_10 * v101
    v132 = v130 + v131
    v133 = nn_11 * v104
    v134 = v132 + v133
    v135 = v134 * 2.8853900817779268
    v136 = tl.exp2(v135)
    v137 = v136 + 1.0
    v138 = 2.0 / v137
    v139 = 1.0 - v138
    v140 = nn_13 * v139
    v141 = v124 + v140
    v142 = nn_14 * v97
    v143 = nn_19 + v142
    v144 = nn_15 * v99
    v145 = v143 + v144
    v146 = nn_16 * v100
    v147 = v145 + v146
    v148 = nn_17 * v101
    v149 = v147 + v148
    v150 = nn_18 * v104
    v151 = v149 + v150
    v152 = v151 * 2.8853900817779268
    v153 = tl.exp2(v152)
    v154 = v153 + 1.0
    v155 = 2.0 / v154
    v156 = 1.0 - v155
    v157 = nn_20 * v156
    v158 = v141 + v157
    v159 = nn_21 * v97
    v160 = nn_26 + v159
    v161 = nn_22 * v99
    v162 = v160 + v161
    v163 = nn_23 * v100
    v164 = v162 + v163
    v165 = nn_24 * v101
    v166 = v164 + v165
    v167 = nn_25 * v104
    v168 = v166 + v167
    v169 = v168 * 2.8853900817779268
    v170 = tl.exp2(v169)
    v171 = v170 + 1.0
    v172 = 2.0 / v171
    v173 = 1.0 - v172
    v174 = nn_27 * v173
    v175 = v158 + v174
    v177 = v175 * 0.5
    v178 = v177 * 2.8853900817779268
    v179 = tl.exp2(v178)
    v180 = v179 + 1.0
    v181 = 2.0 / v180
    v182 = 1.0 - v181
    v183 = v182 * 0.5
    v184 = v183 + 0.5
    v185 = v95 * v184
    v186 = v95 - v185
    v187 = soil_water + v186
    v188 = v187 - fc
    v189 = tl.maximum(v188, 0.0)
    v190 = v187 - v189
    v192 = tl.maximum(v190, 1e-05)
    v193 = fc * lp
    v194 = v192 / v193
    v195 = tl.minimum(v194, 1.0)
    v196 = ep * v195
    v197 = v185 + v189
    v198 = upper_zone + v197
    v199 = tl.minimum(perc, v198)
    v200 = v198 - v199
    v201 = v200 - uzl
    v202 = tl.maximum(v201, 0.0)
    v203 = k0 * v202
    v204 = v200 - v203
    v205 = lower_zone + v199
    v206 = d_end_snowpack + d_y_snowpack
    v207 = d_end_snow_liquid + d_y_snow_liquid
    v208 = d_end_soil_water + d_y_soil_water
    v209 = d_end_upper_zone + d_y_upper_zone
    v210 = d_end_lower_zone + d_y_lower_zone
    v211 = d_y_swe + v206
    v212 = d_y_swe + v207
    v213 = d_y_q2 - v210
    v214 = k2 * v213
    v215 = v205 * v213
    v216 = v210 + v214
    v217 = d_y_percolation + v216
    v218 = d_y_q1 - v209
    v219 = k1 * v218
    v220 = v204 * v218
    v221 = v209 + v219
    v222 = d_y_q0 - v221
    v223 = k0 * v222
    v224 = v202 * v222
    v225 = v201 >= 0.0
    v226 = tl.where(v225, v223, 0.0)
    v227 = -v226
    v228 = v221 + v226
    v229 = v217 - v228
    v230 = v229 * 0.5
    v231 = perc == v198
    v232 = tl.where(v231, v230, v229)
    v233 = perc < v198
    v234 = tl.where(v233, 0.0, v232)
    v235 = perc > v198
    v236 = tl.where(v235, 0.0, v232)
    v237 = v228 + v234
    v238 = d_y_recharge + v237
    v239 = d_y_peff + v238
    v240 = d_y_excess + v238
    v241 = d_y_et - v208
    v242 = v241 * 0.5
    v243 = v190 == v196
    v244 = tl.where(v243, v242, v241)
    v245 = v196 < v190
    v246 = tl.where(v245, 0.0, v244)
    v247 = v196 > v190
    v248 = tl.where(v247, 0.0, v244)
    v249 = v208 + v246
    v250 = v195 * v248
    v251 = ep * v248
    v252 = v194 <= 1.0
    v253 = tl.where(v252, v251, 0.0)
    v254 = v194 / v193
    v255 = -v253
    v256 = v254 * v255
    v257 = v253 / v193
    v258 = lp * v256
    v259 = fc * v256
    v260 = v190 >= 1e-05
    v261 = tl.where(v260, v257, 0.0)
    v262 = v249 + v261
    v263 = v240 - v262
    v264 = v188 >= 0.0
    v265 = tl.where(v264, v263, 0.0)
    v266 = v262 + v265
    v267 = v258 - v265
    v268 = v239 - v266
    v269 = v184 * v268
    v270 = v95 * v268
    v271 = v266 + v269
    v272 = v270 * 0.5
    v273 = v182 * v182
    v274 = 1.0 - v273
    v275 = v272 * v274
    v276 = v275 * 0.5
    v277 = nn_27 * v276
    v278 = v173 * v276
    v279 = v173 * v173
    v280 = 1.0 - v279
    v281 = v277 * v280
    v282 = nn_25 * v281
    v283 = v104 * v281
    v284 = nn_24 * v281
    v285 = v101 * v281
    v286 = nn_23 * v281
    v287 = v100 * v281
    v288 = nn_22 * v281
    v289 = v99 * v281
    v290 = nn_21 * v281
    v291 = v97 * v281
    v292 = nn_20 * v276
    v293 = v156 * v276
    v294 = v156 * v156
    v295 = 1.0 - v294
    v296 = v292 * v295
    v297 = nn_18 * v296
    v298 = v104 * v296
    v299 = v282 + v297
    v300 = nn_17 * v296
    v301 = v101 * v296
    v302 = v284 + v300
    v303 = nn_16 * v296
    v304 = v100 * v296
    v305 = v286 + v303
    v306 = nn_15 * v296
    v307 = v99 * v296
    v308 = v288 + v306
    v309 = nn_14 * v296
    v310 = v97 * v296
    v311 = v290 + v309
    v312 = nn_13 * v276
    v313 = v139 * v276
    v314 = v139 * v139
    v315 = 1.0 - v314
    v316 = v312 * v315
    v317 = nn_11 * v316
    v318 = v104 * v316
    v319 = v299 + v317
    v320 = nn_10 * v316
    v321 = v101 * v316
    v322 = v302 + v320
    v323 = nn_9 * v316
    v324 = v100 * v316
    v325 = v305 + v323
    v326 = nn_8 * v316
    v327 = v99 * v316
    v328 = v308 + v326
    v329 = nn_7 * v316
    v330 = v97 * v316
    v331 = v311 + v329
    v332 = nn_6 * v276
    v333 = v122 * v276
    v334 = v122 * v122
    v335 = 1.0 - v334
    v336 = v332 * v335
    v337 = nn_4 * v336
    v338 = v104 * v336
    v339 = v319 + v337
    v340 = nn_3 * v336
    v341 = v101 * v336
    v342 = v322 + v340
    v343 = nn_2 * v336
    v344 = v100 * v336
    v345 = v325 + v343
    v346 = nn_1 * v336
    v347 = v99 * v336
    v348 = v328 + v346
    v349 = nn_0 * v336
    v350 = v97 * v336
    v351 = v331 + v349
    v352 = v104 / v103
    v353 = -v339
    v354 = v352 * v353
    v355 = v339 / v103
    v356 = v271 + v355
    v357 = v354 + v356
    v358 = v101 / fc
    v359 = -v342
    v360 = v358 * v359
    v361 = v342 / fc
    v362 = v266 + v361
    v363 = v267 + v360
    v364 = v345 / 500.0
    v365 = v362 + v364
    v366 = v348 / 3.0
    v367 = v351 / 500.0
    v368 = v363 + v367
    v369 = d_y_rain + v357
    v370 = d_y_infiltration + v357
    v371 = v370 - v212
    v372 = v93 >= 0.0
    v373 = tl.where(v372, v371, 0.0)
    v374 = -v373
    v375 = v212 + v373
    v376 = cwh * v374
    v377 = v90 * v374
    v378 = v211 + v376
    v379 = d_y_refreeze - v375
    v380 = v378 + v379
    v381 = v380 * 0.5
    v382 = v84 == v88
    v383 = tl.where(v382, v381, v380)
    v384 = v88 < v84
    v385 = tl.where(v384, 0.0, v383)
    v386 = v88 > v84
    v387 = tl.where(v386, 0.0, v383)
    v388 = v375 + v385
    v389 = v87 >= 0.0
    v390 = tl.where(v389, v387, 0.0)
    v391 = v85 * v390
    v392 = v86 * v390
    v393 = cfr * v392
    v394 = cfmax * v392
    v395 = d_y_melt + v388
    v396 = v395 - v378
    v397 = v396 * 0.5
    v398 = v78 == v81
    v399 = tl.where(v398, v397, v396)
    v400 = v81 < v78
    v401 = tl.where(v400, 0.0, v399)
    v402 = v81 > v78
    v403 = tl.where(v402, 0.0, v399)
    v404 = v378 + v401
    v405 = v80 >= 0.0
    v406 = tl.where(v405, v403, 0.0)
    v407 = cfmax * v406
    v408 = v79 * v406
    v409 = v393 + v408
    v410 = v407 - v391
    v411 = v391 - v407
    v412 = d_y_snow + v404
    v413 = v369 - v412
    v414 = tl.where(v74, v413, 0.0)
    v415 = v412 + v414
    return v404, v388, v365, v237, v216, v415, v410, v250, v366, v368, v224, v220, v215, v259, v236, v227, v411, v409, v394, v377, v350, v347, v344, v341, v338, v336, v333, v330, v327, v324, v321, v318, v316, v313, v310, v307, v304, v301, v298, v296, v293, v291, v289, v287, v285, v283, v281, v278, v276


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
    at_nn_0,
    at_nn_1,
    at_nn_2,
    at_nn_3,
    at_nn_4,
    at_nn_5,
    at_nn_6,
    at_nn_7,
    at_nn_8,
    at_nn_9,
    at_nn_10,
    at_nn_11,
    at_nn_12,
    at_nn_13,
    at_nn_14,
    at_nn_15,
    at_nn_16,
    at_nn_17,
    at_nn_18,
    at_nn_19,
    at_nn_20,
    at_nn_21,
    at_nn_22,
    at_nn_23,
    at_nn_24,
    at_nn_25,
    at_nn_26,
    at_nn_27,
    at_nn_28,
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
    nn_0 = tl.load(at_nn_0 + column, mask=there, other=1.0)
    nn_1 = tl.load(at_nn_1 + column, mask=there, other=1.0)
    nn_2 = tl.load(at_nn_2 + column, mask=there, other=1.0)
    nn_3 = tl.load(at_nn_3 + column, mask=there, other=1.0)
    nn_4 = tl.load(at_nn_4 + column, mask=there, other=1.0)
    nn_5 = tl.load(at_nn_5 + column, mask=there, other=1.0)
    nn_6 = tl.load(at_nn_6 + column, mask=there, other=1.0)
    nn_7 = tl.load(at_nn_7 + column, mask=there, other=1.0)
    nn_8 = tl.load(at_nn_8 + column, mask=there, other=1.0)
    nn_9 = tl.load(at_nn_9 + column, mask=there, other=1.0)
    nn_10 = tl.load(at_nn_10 + column, mask=there, other=1.0)
    nn_11 = tl.load(at_nn_11 + column, mask=there, other=1.0)
    nn_12 = tl.load(at_nn_12 + column, mask=there, other=1.0)
    nn_13 = tl.load(at_nn_13 + column, mask=there, other=1.0)
    nn_14 = tl.load(at_nn_14 + column, mask=there, other=1.0)
    nn_15 = tl.load(at_nn_15 + column, mask=there, other=1.0)
    nn_16 = tl.load(at_nn_16 + column, mask=there, other=1.0)
    nn_17 = tl.load(at_nn_17 + column, mask=there, other=1.0)
    nn_18 = tl.load(at_nn_18 + column, mask=there, other=1.0)
    nn_19 = tl.load(at_nn_19 + column, mask=there, other=1.0)
    nn_20 = tl.load(at_nn_20 + column, mask=there, other=1.0)
    nn_21 = tl.load(at_nn_21 + column, mask=there, other=1.0)
    nn_22 = tl.load(at_nn_22 + column, mask=there, other=1.0)
    nn_23 = tl.load(at_nn_23 + column, mask=there, other=1.0)
    nn_24 = tl.load(at_nn_24 + column, mask=there, other=1.0)
    nn_25 = tl.load(at_nn_25 + column, mask=there, other=1.0)
    nn_26 = tl.load(at_nn_26 + column, mask=there, other=1.0)
    nn_27 = tl.load(at_nn_27 + column, mask=there, other=1.0)
    nn_28 = tl.load(at_nn_28 + column, mask=there, other=1.0)
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
    share += nn_0 - nn_0
    share += nn_1 - nn_1
    share += nn_2 - nn_2
    share += nn_3 - nn_3
    share += nn_4 - nn_4
    share += nn_5 - nn_5
    share += nn_6 - nn_6
    share += nn_7 - nn_7
    share += nn_8 - nn_8
    share += nn_9 - nn_9
    share += nn_10 - nn_10
    share += nn_11 - nn_11
    share += nn_12 - nn_12
    share += nn_13 - nn_13
    share += nn_14 - nn_14
    share += nn_15 - nn_15
    share += nn_16 - nn_16
    share += nn_17 - nn_17
    share += nn_18 - nn_18
    share += nn_19 - nn_19
    share += nn_20 - nn_20
    share += nn_21 - nn_21
    share += nn_22 - nn_22
    share += nn_23 - nn_23
    share += nn_24 - nn_24
    share += nn_25 - nn_25
    share += nn_26 - nn_26
    share += nn_27 - nn_27
    share += nn_28 - nn_28
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
        if DYNAMIC & 4096: nn_0 = tl.load(at_nn_0 + row, mask=there, other=1.0)
        if DYNAMIC & 8192: nn_1 = tl.load(at_nn_1 + row, mask=there, other=1.0)
        if DYNAMIC & 16384: nn_2 = tl.load(at_nn_2 + row, mask=there, other=1.0)
        if DYNAMIC & 32768: nn_3 = tl.load(at_nn_3 + row, mask=there, other=1.0)
        if DYNAMIC & 65536: nn_4 = tl.load(at_nn_4 + row, mask=there, other=1.0)
        if DYNAMIC & 131072: nn_5 = tl.load(at_nn_5 + row, mask=there, other=1.0)
        if DYNAMIC & 262144: nn_6 = tl.load(at_nn_6 + row, mask=there, other=1.0)
        if DYNAMIC & 524288: nn_7 = tl.load(at_nn_7 + row, mask=there, other=1.0)
        if DYNAMIC & 1048576: nn_8 = tl.load(at_nn_8 + row, mask=there, other=1.0)
        if DYNAMIC & 2097152: nn_9 = tl.load(at_nn_9 + row, mask=there, other=1.0)
        if DYNAMIC & 4194304: nn_10 = tl.load(at_nn_10 + row, mask=there, other=1.0)
        if DYNAMIC & 8388608: nn_11 = tl.load(at_nn_11 + row, mask=there, other=1.0)
        if DYNAMIC & 16777216: nn_12 = tl.load(at_nn_12 + row, mask=there, other=1.0)
        if DYNAMIC & 33554432: nn_13 = tl.load(at_nn_13 + row, mask=there, other=1.0)
        if DYNAMIC & 67108864: nn_14 = tl.load(at_nn_14 + row, mask=there, other=1.0)
        if DYNAMIC & 134217728: nn_15 = tl.load(at_nn_15 + row, mask=there, other=1.0)
        if DYNAMIC & 268435456: nn_16 = tl.load(at_nn_16 + row, mask=there, other=1.0)
        if DYNAMIC & 536870912: nn_17 = tl.load(at_nn_17 + row, mask=there, other=1.0)
        if DYNAMIC & 1073741824: nn_18 = tl.load(at_nn_18 + row, mask=there, other=1.0)
        if DYNAMIC & 2147483648: nn_19 = tl.load(at_nn_19 + row, mask=there, other=1.0)
        if DYNAMIC & 4294967296: nn_20 = tl.load(at_nn_20 + row, mask=there, other=1.0)
        if DYNAMIC & 8589934592: nn_21 = tl.load(at_nn_21 + row, mask=there, other=1.0)
        if DYNAMIC & 17179869184: nn_22 = tl.load(at_nn_22 + row, mask=there, other=1.0)
        if DYNAMIC & 34359738368: nn_23 = tl.load(at_nn_23 + row, mask=there, other=1.0)
        if DYNAMIC & 68719476736: nn_24 = tl.load(at_nn_24 + row, mask=there, other=1.0)
        if DYNAMIC & 137438953472: nn_25 = tl.load(at_nn_25 + row, mask=there, other=1.0)
        if DYNAMIC & 274877906944: nn_26 = tl.load(at_nn_26 + row, mask=there, other=1.0)
        if DYNAMIC & 549755813888: nn_27 = tl.load(at_nn_27 + row, mask=there, other=1.0)
        if DYNAMIC & 1099511627776: nn_28 = tl.load(at_nn_28 + row, mask=there, other=1.0)
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
        if DYNAMIC & 4096: share += nn_0 - nn_0
        if DYNAMIC & 8192: share += nn_1 - nn_1
        if DYNAMIC & 16384: share += nn_2 - nn_2
        if DYNAMIC & 32768: share += nn_3 - nn_3
        if DYNAMIC & 65536: share += nn_4 - nn_4
        if DYNAMIC & 131072: share += nn_5 - nn_5
        if DYNAMIC & 262144: share += nn_6 - nn_6
        if DYNAMIC & 524288: share += nn_7 - nn_7
        if DYNAMIC & 1048576: share += nn_8 - nn_8
        if DYNAMIC & 2097152: share += nn_9 - nn_9
        if DYNAMIC & 4194304: share += nn_10 - nn_10
        if DYNAMIC & 8388608: share += nn_11 - nn_11
        if DYNAMIC & 16777216: share += nn_12 - nn_12
        if DYNAMIC & 33554432: share += nn_13 - nn_13
        if DYNAMIC & 67108864: share += nn_14 - nn_14
        if DYNAMIC & 134217728: share += nn_15 - nn_15
        if DYNAMIC & 268435456: share += nn_16 - nn_16
        if DYNAMIC & 536870912: share += nn_17 - nn_17
        if DYNAMIC & 1073741824: share += nn_18 - nn_18
        if DYNAMIC & 2147483648: share += nn_19 - nn_19
        if DYNAMIC & 4294967296: share += nn_20 - nn_20
        if DYNAMIC & 8589934592: share += nn_21 - nn_21
        if DYNAMIC & 17179869184: share += nn_22 - nn_22
        if DYNAMIC & 34359738368: share += nn_23 - nn_23
        if DYNAMIC & 68719476736: share += nn_24 - nn_24
        if DYNAMIC & 137438953472: share += nn_25 - nn_25
        if DYNAMIC & 274877906944: share += nn_26 - nn_26
        if DYNAMIC & 549755813888: share += nn_27 - nn_27
        if DYNAMIC & 1099511627776: share += nn_28 - nn_28
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
            nn_0,
            nn_1,
            nn_2,
            nn_3,
            nn_4,
            nn_5,
            nn_6,
            nn_7,
            nn_8,
            nn_9,
            nn_10,
            nn_11,
            nn_12,
            nn_13,
            nn_14,
            nn_15,
            nn_16,
            nn_17,
            nn_18,
            nn_19,
            nn_20,
            nn_21,
            nn_22,
            nn_23,
            nn_24,
            nn_25,
            nn_26,
            nn_27,
            nn_28,
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
    at_nn_0,
    at_nn_1,
    at_nn_2,
    at_nn_3,
    at_nn_4,
    at_nn_5,
    at_nn_6,
    at_nn_7,
    at_nn_8,
    at_nn_9,
    at_nn_10,
    at_nn_11,
    at_nn_12,
    at_nn_13,
    at_nn_14,
    at_nn_15,
    at_nn_16,
    at_nn_17,
    at_nn_18,
    at_nn_19,
    at_nn_20,
    at_nn_21,
    at_nn_22,
    at_nn_23,
    at_nn_24,
    at_nn_25,
    at_nn_26,
    at_nn_27,
    at_nn_28,
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
    at_d_nn_0,
    at_d_nn_1,
    at_d_nn_2,
    at_d_nn_3,
    at_d_nn_4,
    at_d_nn_5,
    at_d_nn_6,
    at_d_nn_7,
    at_d_nn_8,
    at_d_nn_9,
    at_d_nn_10,
    at_d_nn_11,
    at_d_nn_12,
    at_d_nn_13,
    at_d_nn_14,
    at_d_nn_15,
    at_d_nn_16,
    at_d_nn_17,
    at_d_nn_18,
    at_d_nn_19,
    at_d_nn_20,
    at_d_nn_21,
    at_d_nn_22,
    at_d_nn_23,
    at_d_nn_24,
    at_d_nn_25,
    at_d_nn_26,
    at_d_nn_27,
    at_d_nn_28,
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
    nn_0 = tl.load(at_nn_0 + column, mask=there, other=1.0)
    nn_1 = tl.load(at_nn_1 + column, mask=there, other=1.0)
    nn_2 = tl.load(at_nn_2 + column, mask=there, other=1.0)
    nn_3 = tl.load(at_nn_3 + column, mask=there, other=1.0)
    nn_4 = tl.load(at_nn_4 + column, mask=there, other=1.0)
    nn_5 = tl.load(at_nn_5 + column, mask=there, other=1.0)
    nn_6 = tl.load(at_nn_6 + column, mask=there, other=1.0)
    nn_7 = tl.load(at_nn_7 + column, mask=there, other=1.0)
    nn_8 = tl.load(at_nn_8 + column, mask=there, other=1.0)
    nn_9 = tl.load(at_nn_9 + column, mask=there, other=1.0)
    nn_10 = tl.load(at_nn_10 + column, mask=there, other=1.0)
    nn_11 = tl.load(at_nn_11 + column, mask=there, other=1.0)
    nn_12 = tl.load(at_nn_12 + column, mask=there, other=1.0)
    nn_13 = tl.load(at_nn_13 + column, mask=there, other=1.0)
    nn_14 = tl.load(at_nn_14 + column, mask=there, other=1.0)
    nn_15 = tl.load(at_nn_15 + column, mask=there, other=1.0)
    nn_16 = tl.load(at_nn_16 + column, mask=there, other=1.0)
    nn_17 = tl.load(at_nn_17 + column, mask=there, other=1.0)
    nn_18 = tl.load(at_nn_18 + column, mask=there, other=1.0)
    nn_19 = tl.load(at_nn_19 + column, mask=there, other=1.0)
    nn_20 = tl.load(at_nn_20 + column, mask=there, other=1.0)
    nn_21 = tl.load(at_nn_21 + column, mask=there, other=1.0)
    nn_22 = tl.load(at_nn_22 + column, mask=there, other=1.0)
    nn_23 = tl.load(at_nn_23 + column, mask=there, other=1.0)
    nn_24 = tl.load(at_nn_24 + column, mask=there, other=1.0)
    nn_25 = tl.load(at_nn_25 + column, mask=there, other=1.0)
    nn_26 = tl.load(at_nn_26 + column, mask=there, other=1.0)
    nn_27 = tl.load(at_nn_27 + column, mask=there, other=1.0)
    nn_28 = tl.load(at_nn_28 + column, mask=there, other=1.0)
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
    sum_nn_0 = zero
    sum_nn_1 = zero
    sum_nn_2 = zero
    sum_nn_3 = zero
    sum_nn_4 = zero
    sum_nn_5 = zero
    sum_nn_6 = zero
    sum_nn_7 = zero
    sum_nn_8 = zero
    sum_nn_9 = zero
    sum_nn_10 = zero
    sum_nn_11 = zero
    sum_nn_12 = zero
    sum_nn_13 = zero
    sum_nn_14 = zero
    sum_nn_15 = zero
    sum_nn_16 = zero
    sum_nn_17 = zero
    sum_nn_18 = zero
    sum_nn_19 = zero
    sum_nn_20 = zero
    sum_nn_21 = zero
    sum_nn_22 = zero
    sum_nn_23 = zero
    sum_nn_24 = zero
    sum_nn_25 = zero
    sum_nn_26 = zero
    sum_nn_27 = zero
    sum_nn_28 = zero
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
        if DYNAMIC & 4096: nn_0 = tl.load(at_nn_0 + row, mask=there, other=1.0)
        if DYNAMIC & 8192: nn_1 = tl.load(at_nn_1 + row, mask=there, other=1.0)
        if DYNAMIC & 16384: nn_2 = tl.load(at_nn_2 + row, mask=there, other=1.0)
        if DYNAMIC & 32768: nn_3 = tl.load(at_nn_3 + row, mask=there, other=1.0)
        if DYNAMIC & 65536: nn_4 = tl.load(at_nn_4 + row, mask=there, other=1.0)
        if DYNAMIC & 131072: nn_5 = tl.load(at_nn_5 + row, mask=there, other=1.0)
        if DYNAMIC & 262144: nn_6 = tl.load(at_nn_6 + row, mask=there, other=1.0)
        if DYNAMIC & 524288: nn_7 = tl.load(at_nn_7 + row, mask=there, other=1.0)
        if DYNAMIC & 1048576: nn_8 = tl.load(at_nn_8 + row, mask=there, other=1.0)
        if DYNAMIC & 2097152: nn_9 = tl.load(at_nn_9 + row, mask=there, other=1.0)
        if DYNAMIC & 4194304: nn_10 = tl.load(at_nn_10 + row, mask=there, other=1.0)
        if DYNAMIC & 8388608: nn_11 = tl.load(at_nn_11 + row, mask=there, other=1.0)
        if DYNAMIC & 16777216: nn_12 = tl.load(at_nn_12 + row, mask=there, other=1.0)
        if DYNAMIC & 33554432: nn_13 = tl.load(at_nn_13 + row, mask=there, other=1.0)
        if DYNAMIC & 67108864: nn_14 = tl.load(at_nn_14 + row, mask=there, other=1.0)
        if DYNAMIC & 134217728: nn_15 = tl.load(at_nn_15 + row, mask=there, other=1.0)
        if DYNAMIC & 268435456: nn_16 = tl.load(at_nn_16 + row, mask=there, other=1.0)
        if DYNAMIC & 536870912: nn_17 = tl.load(at_nn_17 + row, mask=there, other=1.0)
        if DYNAMIC & 1073741824: nn_18 = tl.load(at_nn_18 + row, mask=there, other=1.0)
        if DYNAMIC & 2147483648: nn_19 = tl.load(at_nn_19 + row, mask=there, other=1.0)
        if DYNAMIC & 4294967296: nn_20 = tl.load(at_nn_20 + row, mask=there, other=1.0)
        if DYNAMIC & 8589934592: nn_21 = tl.load(at_nn_21 + row, mask=there, other=1.0)
        if DYNAMIC & 17179869184: nn_22 = tl.load(at_nn_22 + row, mask=there, other=1.0)
        if DYNAMIC & 34359738368: nn_23 = tl.load(at_nn_23 + row, mask=there, other=1.0)
        if DYNAMIC & 68719476736: nn_24 = tl.load(at_nn_24 + row, mask=there, other=1.0)
        if DYNAMIC & 137438953472: nn_25 = tl.load(at_nn_25 + row, mask=there, other=1.0)
        if DYNAMIC & 274877906944: nn_26 = tl.load(at_nn_26 + row, mask=there, other=1.0)
        if DYNAMIC & 549755813888: nn_27 = tl.load(at_nn_27 + row, mask=there, other=1.0)
        if DYNAMIC & 1099511627776: nn_28 = tl.load(at_nn_28 + row, mask=there, other=1.0)
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
            d_nn_0,
            d_nn_1,
            d_nn_2,
            d_nn_3,
            d_nn_4,
            d_nn_5,
            d_nn_6,
            d_nn_7,
            d_nn_8,
            d_nn_9,
            d_nn_10,
            d_nn_11,
            d_nn_12,
            d_nn_13,
            d_nn_14,
            d_nn_15,
            d_nn_16,
            d_nn_17,
            d_nn_18,
            d_nn_19,
            d_nn_20,
            d_nn_21,
            d_nn_22,
            d_nn_23,
            d_nn_24,
            d_nn_25,
            d_nn_26,
            d_nn_27,
            d_nn_28,
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
            nn_0,
            nn_1,
            nn_2,
            nn_3,
            nn_4,
            nn_5,
            nn_6,
            nn_7,
            nn_8,
            nn_9,
            nn_10,
            nn_11,
            nn_12,
            nn_13,
            nn_14,
            nn_15,
            nn_16,
            nn_17,
            nn_18,
            nn_19,
            nn_20,
            nn_21,
            nn_22,
            nn_23,
            nn_24,
            nn_25,
            nn_26,
            nn_27,
            nn_28,
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
        if DYNAMIC & 4096: tl.store(at_d_nn_0 + row, d_nn_0, mask=there)
        if DYNAMIC & 8192: tl.store(at_d_nn_1 + row, d_nn_1, mask=there)
        if DYNAMIC & 16384: tl.store(at_d_nn_2 + row, d_nn_2, mask=there)
        if DYNAMIC & 32768: tl.store(at_d_nn_3 + row, d_nn_3, mask=there)
        if DYNAMIC & 65536: tl.store(at_d_nn_4 + row, d_nn_4, mask=there)
        if DYNAMIC & 131072: tl.store(at_d_nn_5 + row, d_nn_5, mask=there)
        if DYNAMIC & 262144: tl.store(at_d_nn_6 + row, d_nn_6, mask=there)
        if DYNAMIC & 524288: tl.store(at_d_nn_7 + row, d_nn_7, mask=there)
        if DYNAMIC & 1048576: tl.store(at_d_nn_8 + row, d_nn_8, mask=there)
        if DYNAMIC & 2097152: tl.store(at_d_nn_9 + row, d_nn_9, mask=there)
        if DYNAMIC & 4194304: tl.store(at_d_nn_10 + row, d_nn_10, mask=there)
        if DYNAMIC & 8388608: tl.store(at_d_nn_11 + row, d_nn_11, mask=there)
        if DYNAMIC & 16777216: tl.store(at_d_nn_12 + row, d_nn_12, mask=there)
        if DYNAMIC & 33554432: tl.store(at_d_nn_13 + row, d_nn_13, mask=there)
        if DYNAMIC & 67108864: tl.store(at_d_nn_14 + row, d_nn_14, mask=there)
        if DYNAMIC & 134217728: tl.store(at_d_nn_15 + row, d_nn_15, mask=there)
        if DYNAMIC & 268435456: tl.store(at_d_nn_16 + row, d_nn_16, mask=there)
        if DYNAMIC & 536870912: tl.store(at_d_nn_17 + row, d_nn_17, mask=there)
        if DYNAMIC & 1073741824: tl.store(at_d_nn_18 + row, d_nn_18, mask=there)
        if DYNAMIC & 2147483648: tl.store(at_d_nn_19 + row, d_nn_19, mask=there)
        if DYNAMIC & 4294967296: tl.store(at_d_nn_20 + row, d_nn_20, mask=there)
        if DYNAMIC & 8589934592: tl.store(at_d_nn_21 + row, d_nn_21, mask=there)
        if DYNAMIC & 17179869184: tl.store(at_d_nn_22 + row, d_nn_22, mask=there)
        if DYNAMIC & 34359738368: tl.store(at_d_nn_23 + row, d_nn_23, mask=there)
        if DYNAMIC & 68719476736: tl.store(at_d_nn_24 + row, d_nn_24, mask=there)
        if DYNAMIC & 137438953472: tl.store(at_d_nn_25 + row, d_nn_25, mask=there)
        if DYNAMIC & 274877906944: tl.store(at_d_nn_26 + row, d_nn_26, mask=there)
        if DYNAMIC & 549755813888: tl.store(at_d_nn_27 + row, d_nn_27, mask=there)
        if DYNAMIC & 1099511627776: tl.store(at_d_nn_28 + row, d_nn_28, mask=there)
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
        if not DYNAMIC & 4096: sum_nn_0 += d_nn_0
        if not DYNAMIC & 8192: sum_nn_1 += d_nn_1
        if not DYNAMIC & 16384: sum_nn_2 += d_nn_2
        if not DYNAMIC & 32768: sum_nn_3 += d_nn_3
        if not DYNAMIC & 65536: sum_nn_4 += d_nn_4
        if not DYNAMIC & 131072: sum_nn_5 += d_nn_5
        if not DYNAMIC & 262144: sum_nn_6 += d_nn_6
        if not DYNAMIC & 524288: sum_nn_7 += d_nn_7
        if not DYNAMIC & 1048576: sum_nn_8 += d_nn_8
        if not DYNAMIC & 2097152: sum_nn_9 += d_nn_9
        if not DYNAMIC & 4194304: sum_nn_10 += d_nn_10
        if not DYNAMIC & 8388608: sum_nn_11 += d_nn_11
        if not DYNAMIC & 16777216: sum_nn_12 += d_nn_12
        if not DYNAMIC & 33554432: sum_nn_13 += d_nn_13
        if not DYNAMIC & 67108864: sum_nn_14 += d_nn_14
        if not DYNAMIC & 134217728: sum_nn_15 += d_nn_15
        if not DYNAMIC & 268435456: sum_nn_16 += d_nn_16
        if not DYNAMIC & 536870912: sum_nn_17 += d_nn_17
        if not DYNAMIC & 1073741824: sum_nn_18 += d_nn_18
        if not DYNAMIC & 2147483648: sum_nn_19 += d_nn_19
        if not DYNAMIC & 4294967296: sum_nn_20 += d_nn_20
        if not DYNAMIC & 8589934592: sum_nn_21 += d_nn_21
        if not DYNAMIC & 17179869184: sum_nn_22 += d_nn_22
        if not DYNAMIC & 34359738368: sum_nn_23 += d_nn_23
        if not DYNAMIC & 68719476736: sum_nn_24 += d_nn_24
        if not DYNAMIC & 137438953472: sum_nn_25 += d_nn_25
        if not DYNAMIC & 274877906944: sum_nn_26 += d_nn_26
        if not DYNAMIC & 549755813888: sum_nn_27 += d_nn_27
        if not DYNAMIC & 1099511627776: sum_nn_28 += d_nn_28
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
    if not DYNAMIC & 4096: tl.store(at_d_nn_0 + column, sum_nn_0, mask=there)
    if not DYNAMIC & 8192: tl.store(at_d_nn_1 + column, sum_nn_1, mask=there)
    if not DYNAMIC & 16384: tl.store(at_d_nn_2 + column, sum_nn_2, mask=there)
    if not DYNAMIC & 32768: tl.store(at_d_nn_3 + column, sum_nn_3, mask=there)
    if not DYNAMIC & 65536: tl.store(at_d_nn_4 + column, sum_nn_4, mask=there)
    if not DYNAMIC & 131072: tl.store(at_d_nn_5 + column, sum_nn_5, mask=there)
    if not DYNAMIC & 262144: tl.store(at_d_nn_6 + column, sum_nn_6, mask=there)
    if not DYNAMIC & 524288: tl.store(at_d_nn_7 + column, sum_nn_7, mask=there)
    if not DYNAMIC & 1048576: tl.store(at_d_nn_8 + column, sum_nn_8, mask=there)
    if not DYNAMIC & 2097152: tl.store(at_d_nn_9 + column, sum_nn_9, mask=there)
    if not DYNAMIC & 4194304: tl.store(at_d_nn_10 + column, sum_nn_10, mask=there)
    if not DYNAMIC & 8388608: tl.store(at_d_nn_11 + column, sum_nn_11, mask=there)
    if not DYNAMIC & 16777216: tl.store(at_d_nn_12 + column, sum_nn_12, mask=there)
    if not DYNAMIC & 33554432: tl.store(at_d_nn_13 + column, sum_nn_13, mask=there)
    if not DYNAMIC & 67108864: tl.store(at_d_nn_14 + column, sum_nn_14, mask=there)
    if not DYNAMIC & 134217728: tl.store(at_d_nn_15 + column, sum_nn_15, mask=there)
    if not DYNAMIC & 268435456: tl.store(at_d_nn_16 + column, sum_nn_16, mask=there)
    if not DYNAMIC & 536870912: tl.store(at_d_nn_17 + column, sum_nn_17, mask=there)
    if not DYNAMIC & 1073741824: tl.store(at_d_nn_18 + column, sum_nn_18, mask=there)
    if not DYNAMIC & 2147483648: tl.store(at_d_nn_19 + column, sum_nn_19, mask=there)
    if not DYNAMIC & 4294967296: tl.store(at_d_nn_20 + column, sum_nn_20, mask=there)
    if not DYNAMIC & 8589934592: tl.store(at_d_nn_21 + column, sum_nn_21, mask=there)
    if not DYNAMIC & 17179869184: tl.store(at_d_nn_22 + column, sum_nn_22, mask=there)
    if not DYNAMIC & 34359738368: tl.store(at_d_nn_23 + column, sum_nn_23, mask=there)
    if not DYNAMIC & 68719476736: tl.store(at_d_nn_24 + column, sum_nn_24, mask=there)
    if not DYNAMIC & 137438953472: tl.store(at_d_nn_25 + column, sum_nn_25, mask=there)
    if not DYNAMIC & 274877906944: tl.store(at_d_nn_26 + column, sum_nn_26, mask=there)
    if not DYNAMIC & 549755813888: tl.store(at_d_nn_27 + column, sum_nn_27, mask=there)
    if not DYNAMIC & 1099511627776: tl.store(at_d_nn_28 + column, sum_nn_28, mask=there)
