"""Form delta_nn_peff for the GPU, printed by `python -m dhbv.kernels.trace --write`; do not edit."""
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
    v50 = t >= tt
    v52 = tl.where(v50, p, 0.0)
    v53 = p - v52
    v54 = snowpack + v53
    v55 = t - tt
    v56 = cfmax * v55
    v57 = tl.maximum(v56, 0.0)
    v58 = tl.minimum(v54, v57)
    v59 = v54 - v58
    v60 = snow_liquid + v58
    v61 = cfmax * cfr
    v62 = tt - t
    v63 = v61 * v62
    v64 = tl.maximum(v63, 0.0)
    v65 = tl.minimum(v60, v64)
    v66 = v59 + v65
    v67 = v60 - v65
    v68 = cwh * v66
    v69 = v67 - v68
    v70 = tl.maximum(v69, 0.0)
    v71 = v67 - v70
    v72 = v52 + v70
    v74 = fc / 500.0
    v76 = beta / 3.0
    v77 = soil_water / 500.0
    v78 = soil_water / fc
    v80 = v72 + 20.0
    v81 = v72 / v80
    v82 = nn_0 * v74
    v83 = nn_5 + v82
    v84 = nn_1 * v76
    v85 = v83 + v84
    v86 = nn_2 * v77
    v87 = v85 + v86
    v88 = nn_3 * v78
    v89 = v87 + v88
    v90 = nn_4 * v81
    v91 = v89 + v90
    v94 = v91 * 2.8853900817779268
    v95 = tl.exp2(v94)
    v97 = v95 + 1.0
    v98 = 2.0 / v97
    v99 = 1.0 - v98
    v100 = nn_6 * v99
    v101 = nn_28 + v100
    v102 = nn_7 * v74
    v103 = nn_12 + v102
    v104 = nn_8 * v76
    v105 = v103 + v104
    v106 = nn_9 * v77
    v107 = v105 + v106
    v108 = nn_10 * v78
    v109 = v107 + v108
    v110 = nn_11 * v81
    v111 = v109 + v110
    v112 = v111 * 2.8853900817779268
    v113 = tl.exp2(v112)
    v114 = v113 + 1.0
    v115 = 2.0 / v114
    v116 = 1.0 - v115
    v117 = nn_13 * v116
    v118 = v101 + v117
    v119 = nn_14 * v74
    v120 = nn_19 + v119
    v121 = nn_15 * v76
    v122 = v120 + v121
    v123 = nn_16 * v77
    v124 = v122 + v123
    v125 = nn_17 * v78
    v126 = v124 + v125
    v127 = nn_18 * v81
    v128 = v126 + v127
    v129 = v128 * 2.8853900817779268
    v130 = tl.exp2(v129)
    v131 = v130 + 1.0
    v132 = 2.0 / v131
    v133 = 1.0 - v132
    v134 = nn_20 * v133
    v135 = v118 + v134
    v136 = nn_21 * v74
    v137 = nn_26 + v136
    v138 = nn_22 * v76
    v139 = v137 + v138
    v140 = nn_23 * v77
    v141 = v139 + v140
    v142 = nn_24 * v78
    v143 = v141 + v142
    v144 = nn_25 * v81
    v145 = v143 + v144
    v146 = v145 * 2.8853900817779268
    v147 = tl.exp2(v146)
    v148 = v147 + 1.0
    v149 = 2.0 / v148
    v150 = 1.0 - v149
    v151 = nn_27 * v150
    v152 = v135 + v151
    v154 = v152 * 0.5
    v155 = v154 * 2.8853900817779268
    v156 = tl.exp2(v155)
    v157 = v156 + 1.0
    v158 = 2.0 / v157
    v159 = 1.0 - v158
    v160 = v159 * 0.5
    v161 = v160 + 0.5
    v162 = v72 * v161
    v163 = v72 - v162
    v164 = soil_water + v163
    v165 = v164 - fc
    v166 = tl.maximum(v165, 0.0)
    v167 = v164 - v166
    v169 = tl.maximum(v167, 1e-05)
    v170 = fc * lp
    v171 = v169 / v170
    v172 = tl.log2(v171)
    v173 = gamma * v172
    v174 = tl.exp2(v173)
    v175 = tl.minimum(v174, 1.0)
    v176 = ep * v175
    v177 = tl.minimum(v167, v176)
    v178 = v167 - v177
    v179 = v162 + v166
    v180 = upper_zone + v179
    v181 = tl.minimum(perc, v180)
    v182 = v180 - v181
    v183 = v182 - uzl
    v184 = tl.maximum(v183, 0.0)
    v185 = k0 * v184
    v186 = v182 - v185
    v187 = k1 * v186
    v188 = v186 - v187
    v189 = lower_zone + v181
    v190 = k2 * v189
    v191 = v189 - v190
    v192 = v66 + v71
    return v66, v71, v178, v188, v191, v177, v52, v53, v58, v65, v70, v162, v166, v179, tl.zeros_like(snowpack) + 0.0, v181, v185, v187, v190, v66, v71, v192, v178, v188, v191


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
    v75 = t >= tt
    v77 = tl.where(v75, p, 0.0)
    v78 = p - v77
    v79 = snowpack + v78
    v80 = t - tt
    v81 = cfmax * v80
    v82 = tl.maximum(v81, 0.0)
    v83 = tl.minimum(v79, v82)
    v84 = v79 - v83
    v85 = snow_liquid + v83
    v86 = cfmax * cfr
    v87 = tt - t
    v88 = v86 * v87
    v89 = tl.maximum(v88, 0.0)
    v90 = tl.minimum(v85, v89)
    v91 = v84 + v90
    v92 = v85 - v90
    v93 = cwh * v91
    v94 = v92 - v93
    v95 = tl.maximum(v94, 0.0)
    v96 = v77 + v95
    v98 = fc / 500.0
    v100 = beta / 3.0
    v101 = soil_water / 500.0
    v102 = soil_water / fc
    v104 = v96 + 20.0
    v105 = v96 / v104
    v106 = nn_0 * v98
    v107 = nn_5 + v106
    v108 = nn_1 * v100
    v109 = v107 + v108
    v110 = nn_2 * v101
    v111 = v109 + v110
    v112 = nn_3 * v102
    v113 = v111 + v112
    v114 = nn_4 * v105
    v115 = v113 + v114
    v118 = v115 * 2.8853900817779268
    v119 = tl.exp2(v118)
    v121 = v119 + 1.0
    v122 = 2.0 / v121
    v123 = 1.0 - v122
    v124 = nn_6 * v123
    v125 = nn_28 + v124
    v126 = nn_7 * v98
    v127 = nn_12 + v126
    v128 = nn_8 * v100
    v129 = v127 + v128
    v130 = nn_9 * v101
    v131 = v129 + v130
    v132 = nn_10 * v102
    v133 = v131 + v132
    v134 = nn_11 * v105
    v135 = v133 + v134
    v136 = v135 * 2.8853900817779268
    v137 = tl.exp2(v136)
    v138 = v137 + 1.0
    v139 = 2.0 / v138
    v140 = 1.0 - v139
    v141 = nn_13 * v140
    v142 = v125 + v141
    v143 = nn_14 * v98
    v144 = nn_19 + v143
    v145 = nn_15 * v100
    v146 = v144 + v145
    v147 = nn_16 * v101
    v148 = v146 + v147
    v149 = nn_17 * v102
    v150 = v148 + v149
    v151 = nn_18 * v105
    v152 = v150 + v151
    v153 = v152 * 2.8853900817779268
    v154 = tl.exp2(v153)
    v155 = v154 + 1.0
    v156 = 2.0 / v155
    v157 = 1.0 - v156
    v158 = nn_20 * v157
    v159 = v142 + v158
    v160 = nn_21 * v98
    v161 = nn_26 + v160
    v162 = nn_22 * v100
    v163 = v161 + v162
    v164 = nn_23 * v101
    v165 = v163 + v164
    v166 = nn_24 * v102
    v167 = v165 + v166
    v168 = nn_25 * v105
    v169 = v167 + v168
    v170 = v169 * 2.8853900817779268
    v171 = tl.exp2(v170)
    v172 = v171 + 1.0
    v173 = 2.0 / v172
    v174 = 1.0 - v173
    v175 = nn_27 * v174
    v176 = v159 + v175
    v178 = v176 * 0.5
    v179 = v178 * 2.8853900817779268
    v180 = tl.exp2(v179)
    v181 = v180 + 1.0
    v182 = 2.0 / v181
    v183 = 1.0 - v182
    v184 = v183 * 0.5
    v185 = v184 + 0.5
    v186 = v96 * v185
    v187 = v96 - v186
    v188 = soil_water + v187
    v189 = v188 - fc
    v190 = tl.maximum(v189, 0.0)
    v191 = v188 - v190
    v193 = tl.maximum(v191, 1e-05)
    v194 = fc * lp
    v195 = v193 / v194
    v196 = tl.log2(v195)
    v197 = gamma * v196
    v198 = tl.exp2(v197)
    v199 = tl.minimum(v198, 1.0)
    v200 = ep * v199
    v201 = v186 + v190
    v202 = upper_zone + v201
    v203 = tl.minimum(perc, v202)
    v204 = v202 - v203
    v205 = v204 - uzl
    v206 = tl.maximum(v205, 0.0)
    v207 = k0 * v206
    v208 = v204 - v207
    v209 = lower_zone + v203
    v210 = d_end_snowpack + d_y_snowpack
    v211 = d_end_snow_liquid + d_y_snow_liquid
    v212 = d_end_soil_water + d_y_soil_water
    v213 = d_end_upper_zone + d_y_upper_zone
    v214 = d_end_lower_zone + d_y_lower_zone
    v215 = d_y_swe + v210
    v216 = d_y_swe + v211
    v217 = d_y_q2 - v214
    v218 = k2 * v217
    v219 = v209 * v217
    v220 = v214 + v218
    v221 = d_y_percolation + v220
    v222 = d_y_q1 - v213
    v223 = k1 * v222
    v224 = v208 * v222
    v225 = v213 + v223
    v226 = d_y_q0 - v225
    v227 = k0 * v226
    v228 = v206 * v226
    v229 = v205 >= 0.0
    v230 = tl.where(v229, v227, 0.0)
    v231 = -v230
    v232 = v225 + v230
    v233 = v221 - v232
    v234 = v233 * 0.5
    v235 = perc == v202
    v236 = tl.where(v235, v234, v233)
    v237 = perc < v202
    v238 = tl.where(v237, 0.0, v236)
    v239 = perc > v202
    v240 = tl.where(v239, 0.0, v236)
    v241 = v232 + v238
    v242 = d_y_recharge + v241
    v243 = d_y_peff + v242
    v244 = d_y_excess + v242
    v245 = d_y_et - v212
    v246 = v245 * 0.5
    v247 = v191 == v200
    v248 = tl.where(v247, v246, v245)
    v249 = v200 < v191
    v250 = tl.where(v249, 0.0, v248)
    v251 = v200 > v191
    v252 = tl.where(v251, 0.0, v248)
    v253 = v212 + v250
    v254 = v199 * v252
    v255 = ep * v252
    v256 = v198 <= 1.0
    v257 = tl.where(v256, v255, 0.0)
    v258 = gamma >= 0.0
    v259 = v195 == 0.0
    v260 = v258 & v259
    v262 = v196 * 0.6931471805599453
    v263 = v198 * v262
    v264 = tl.where(v260, 0.0, v263)
    v265 = v257 * v264
    v266 = v198 / v195
    v267 = gamma * v266
    v268 = v257 * v267
    v269 = gamma == 0.0
    v270 = tl.where(v269, 0.0, v268)
    v271 = v195 / v194
    v272 = -v270
    v273 = v271 * v272
    v274 = v270 / v194
    v275 = lp * v273
    v276 = fc * v273
    v277 = v191 >= 1e-05
    v278 = tl.where(v277, v274, 0.0)
    v279 = v253 + v278
    v280 = v244 - v279
    v281 = v189 >= 0.0
    v282 = tl.where(v281, v280, 0.0)
    v283 = v279 + v282
    v284 = v275 - v282
    v285 = v243 - v283
    v286 = v185 * v285
    v287 = v96 * v285
    v288 = v283 + v286
    v289 = v287 * 0.5
    v290 = v183 * v183
    v291 = 1.0 - v290
    v292 = v289 * v291
    v293 = v292 * 0.5
    v294 = nn_27 * v293
    v295 = v174 * v293
    v296 = v174 * v174
    v297 = 1.0 - v296
    v298 = v294 * v297
    v299 = nn_25 * v298
    v300 = v105 * v298
    v301 = nn_24 * v298
    v302 = v102 * v298
    v303 = nn_23 * v298
    v304 = v101 * v298
    v305 = nn_22 * v298
    v306 = v100 * v298
    v307 = nn_21 * v298
    v308 = v98 * v298
    v309 = nn_20 * v293
    v310 = v157 * v293
    v311 = v157 * v157
    v312 = 1.0 - v311
    v313 = v309 * v312
    v314 = nn_18 * v313
    v315 = v105 * v313
    v316 = v299 + v314
    v317 = nn_17 * v313
    v318 = v102 * v313
    v319 = v301 + v317
    v320 = nn_16 * v313
    v321 = v101 * v313
    v322 = v303 + v320
    v323 = nn_15 * v313
    v324 = v100 * v313
    v325 = v305 + v323
    v326 = nn_14 * v313
    v327 = v98 * v313
    v328 = v307 + v326
    v329 = nn_13 * v293
    v330 = v140 * v293
    v331 = v140 * v140
    v332 = 1.0 - v331
    v333 = v329 * v332
    v334 = nn_11 * v333
    v335 = v105 * v333
    v336 = v316 + v334
    v337 = nn_10 * v333
    v338 = v102 * v333
    v339 = v319 + v337
    v340 = nn_9 * v333
    v341 = v101 * v333
    v342 = v322 + v340
    v343 = nn_8 * v333
    v344 = v100 * v333
    v345 = v325 + v343
    v346 = nn_7 * v333
    v347 = v98 * v333
    v348 = v328 + v346
    v349 = nn_6 * v293
    v350 = v123 * v293
    v351 = v123 * v123
    v352 = 1.0 - v351
    v353 = v349 * v352
    v354 = nn_4 * v353
    v355 = v105 * v353
    v356 = v336 + v354
    v357 = nn_3 * v353
    v358 = v102 * v353
    v359 = v339 + v357
    v360 = nn_2 * v353
    v361 = v101 * v353
    v362 = v342 + v360
    v363 = nn_1 * v353
    v364 = v100 * v353
    v365 = v345 + v363
    v366 = nn_0 * v353
    v367 = v98 * v353
    v368 = v348 + v366
    v369 = v105 / v104
    v370 = -v356
    v371 = v369 * v370
    v372 = v356 / v104
    v373 = v288 + v372
    v374 = v371 + v373
    v375 = v102 / fc
    v376 = -v359
    v377 = v375 * v376
    v378 = v359 / fc
    v379 = v283 + v378
    v380 = v284 + v377
    v381 = v362 / 500.0
    v382 = v379 + v381
    v383 = v365 / 3.0
    v384 = v368 / 500.0
    v385 = v380 + v384
    v386 = d_y_rain + v374
    v387 = d_y_infiltration + v374
    v388 = v387 - v216
    v389 = v94 >= 0.0
    v390 = tl.where(v389, v388, 0.0)
    v391 = -v390
    v392 = v216 + v390
    v393 = cwh * v391
    v394 = v91 * v391
    v395 = v215 + v393
    v396 = d_y_refreeze - v392
    v397 = v395 + v396
    v398 = v397 * 0.5
    v399 = v85 == v89
    v400 = tl.where(v399, v398, v397)
    v401 = v89 < v85
    v402 = tl.where(v401, 0.0, v400)
    v403 = v89 > v85
    v404 = tl.where(v403, 0.0, v400)
    v405 = v392 + v402
    v406 = v88 >= 0.0
    v407 = tl.where(v406, v404, 0.0)
    v408 = v86 * v407
    v409 = v87 * v407
    v410 = cfr * v409
    v411 = cfmax * v409
    v412 = d_y_melt + v405
    v413 = v412 - v395
    v414 = v413 * 0.5
    v415 = v79 == v82
    v416 = tl.where(v415, v414, v413)
    v417 = v82 < v79
    v418 = tl.where(v417, 0.0, v416)
    v419 = v82 > v79
    v420 = tl.where(v419, 0.0, v416)
    v421 = v395 + v418
    v422 = v81 >= 0.0
    v423 = tl.where(v422, v420, 0.0)
    v424 = cfmax * v423
    v425 = v80 * v423
    v426 = v410 + v425
    v427 = v424 - v408
    v428 = v408 - v424
    v429 = d_y_snow + v421
    v430 = v386 - v429
    v431 = tl.where(v75, v430, 0.0)
    v432 = v429 + v431
    return v421, v405, v382, v241, v220, v432, v427, v254, v383, v385, v228, v224, v219, v276, v240, v231, v428, v426, v411, v394, v265, v367, v364, v361, v358, v355, v353, v350, v347, v344, v341, v338, v335, v333, v330, v327, v324, v321, v318, v315, v313, v310, v308, v306, v304, v302, v300, v298, v295, v293


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
    gamma = tl.load(at_gamma + column, mask=there, other=1.0)
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
    share += gamma - gamma
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
        if DYNAMIC & 4096: gamma = tl.load(at_gamma + row, mask=there, other=1.0)
        if DYNAMIC & 8192: nn_0 = tl.load(at_nn_0 + row, mask=there, other=1.0)
        if DYNAMIC & 16384: nn_1 = tl.load(at_nn_1 + row, mask=there, other=1.0)
        if DYNAMIC & 32768: nn_2 = tl.load(at_nn_2 + row, mask=there, other=1.0)
        if DYNAMIC & 65536: nn_3 = tl.load(at_nn_3 + row, mask=there, other=1.0)
        if DYNAMIC & 131072: nn_4 = tl.load(at_nn_4 + row, mask=there, other=1.0)
        if DYNAMIC & 262144: nn_5 = tl.load(at_nn_5 + row, mask=there, other=1.0)
        if DYNAMIC & 524288: nn_6 = tl.load(at_nn_6 + row, mask=there, other=1.0)
        if DYNAMIC & 1048576: nn_7 = tl.load(at_nn_7 + row, mask=there, other=1.0)
        if DYNAMIC & 2097152: nn_8 = tl.load(at_nn_8 + row, mask=there, other=1.0)
        if DYNAMIC & 4194304: nn_9 = tl.load(at_nn_9 + row, mask=there, other=1.0)
        if DYNAMIC & 8388608: nn_10 = tl.load(at_nn_10 + row, mask=there, other=1.0)
        if DYNAMIC & 16777216: nn_11 = tl.load(at_nn_11 + row, mask=there, other=1.0)
        if DYNAMIC & 33554432: nn_12 = tl.load(at_nn_12 + row, mask=there, other=1.0)
        if DYNAMIC & 67108864: nn_13 = tl.load(at_nn_13 + row, mask=there, other=1.0)
        if DYNAMIC & 134217728: nn_14 = tl.load(at_nn_14 + row, mask=there, other=1.0)
        if DYNAMIC & 268435456: nn_15 = tl.load(at_nn_15 + row, mask=there, other=1.0)
        if DYNAMIC & 536870912: nn_16 = tl.load(at_nn_16 + row, mask=there, other=1.0)
        if DYNAMIC & 1073741824: nn_17 = tl.load(at_nn_17 + row, mask=there, other=1.0)
        if DYNAMIC & 2147483648: nn_18 = tl.load(at_nn_18 + row, mask=there, other=1.0)
        if DYNAMIC & 4294967296: nn_19 = tl.load(at_nn_19 + row, mask=there, other=1.0)
        if DYNAMIC & 8589934592: nn_20 = tl.load(at_nn_20 + row, mask=there, other=1.0)
        if DYNAMIC & 17179869184: nn_21 = tl.load(at_nn_21 + row, mask=there, other=1.0)
        if DYNAMIC & 34359738368: nn_22 = tl.load(at_nn_22 + row, mask=there, other=1.0)
        if DYNAMIC & 68719476736: nn_23 = tl.load(at_nn_23 + row, mask=there, other=1.0)
        if DYNAMIC & 137438953472: nn_24 = tl.load(at_nn_24 + row, mask=there, other=1.0)
        if DYNAMIC & 274877906944: nn_25 = tl.load(at_nn_25 + row, mask=there, other=1.0)
        if DYNAMIC & 549755813888: nn_26 = tl.load(at_nn_26 + row, mask=there, other=1.0)
        if DYNAMIC & 1099511627776: nn_27 = tl.load(at_nn_27 + row, mask=there, other=1.0)
        if DYNAMIC & 2199023255552: nn_28 = tl.load(at_nn_28 + row, mask=there, other=1.0)
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
        if DYNAMIC & 8192: share += nn_0 - nn_0
        if DYNAMIC & 16384: share += nn_1 - nn_1
        if DYNAMIC & 32768: share += nn_2 - nn_2
        if DYNAMIC & 65536: share += nn_3 - nn_3
        if DYNAMIC & 131072: share += nn_4 - nn_4
        if DYNAMIC & 262144: share += nn_5 - nn_5
        if DYNAMIC & 524288: share += nn_6 - nn_6
        if DYNAMIC & 1048576: share += nn_7 - nn_7
        if DYNAMIC & 2097152: share += nn_8 - nn_8
        if DYNAMIC & 4194304: share += nn_9 - nn_9
        if DYNAMIC & 8388608: share += nn_10 - nn_10
        if DYNAMIC & 16777216: share += nn_11 - nn_11
        if DYNAMIC & 33554432: share += nn_12 - nn_12
        if DYNAMIC & 67108864: share += nn_13 - nn_13
        if DYNAMIC & 134217728: share += nn_14 - nn_14
        if DYNAMIC & 268435456: share += nn_15 - nn_15
        if DYNAMIC & 536870912: share += nn_16 - nn_16
        if DYNAMIC & 1073741824: share += nn_17 - nn_17
        if DYNAMIC & 2147483648: share += nn_18 - nn_18
        if DYNAMIC & 4294967296: share += nn_19 - nn_19
        if DYNAMIC & 8589934592: share += nn_20 - nn_20
        if DYNAMIC & 17179869184: share += nn_21 - nn_21
        if DYNAMIC & 34359738368: share += nn_22 - nn_22
        if DYNAMIC & 68719476736: share += nn_23 - nn_23
        if DYNAMIC & 137438953472: share += nn_24 - nn_24
        if DYNAMIC & 274877906944: share += nn_25 - nn_25
        if DYNAMIC & 549755813888: share += nn_26 - nn_26
        if DYNAMIC & 1099511627776: share += nn_27 - nn_27
        if DYNAMIC & 2199023255552: share += nn_28 - nn_28
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
    at_gamma,
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
    at_d_gamma,
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
    gamma = tl.load(at_gamma + column, mask=there, other=1.0)
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
    sum_gamma = zero
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
        if DYNAMIC & 4096: gamma = tl.load(at_gamma + row, mask=there, other=1.0)
        if DYNAMIC & 8192: nn_0 = tl.load(at_nn_0 + row, mask=there, other=1.0)
        if DYNAMIC & 16384: nn_1 = tl.load(at_nn_1 + row, mask=there, other=1.0)
        if DYNAMIC & 32768: nn_2 = tl.load(at_nn_2 + row, mask=there, other=1.0)
        if DYNAMIC & 65536: nn_3 = tl.load(at_nn_3 + row, mask=there, other=1.0)
        if DYNAMIC & 131072: nn_4 = tl.load(at_nn_4 + row, mask=there, other=1.0)
        if DYNAMIC & 262144: nn_5 = tl.load(at_nn_5 + row, mask=there, other=1.0)
        if DYNAMIC & 524288: nn_6 = tl.load(at_nn_6 + row, mask=there, other=1.0)
        if DYNAMIC & 1048576: nn_7 = tl.load(at_nn_7 + row, mask=there, other=1.0)
        if DYNAMIC & 2097152: nn_8 = tl.load(at_nn_8 + row, mask=there, other=1.0)
        if DYNAMIC & 4194304: nn_9 = tl.load(at_nn_9 + row, mask=there, other=1.0)
        if DYNAMIC & 8388608: nn_10 = tl.load(at_nn_10 + row, mask=there, other=1.0)
        if DYNAMIC & 16777216: nn_11 = tl.load(at_nn_11 + row, mask=there, other=1.0)
        if DYNAMIC & 33554432: nn_12 = tl.load(at_nn_12 + row, mask=there, other=1.0)
        if DYNAMIC & 67108864: nn_13 = tl.load(at_nn_13 + row, mask=there, other=1.0)
        if DYNAMIC & 134217728: nn_14 = tl.load(at_nn_14 + row, mask=there, other=1.0)
        if DYNAMIC & 268435456: nn_15 = tl.load(at_nn_15 + row, mask=there, other=1.0)
        if DYNAMIC & 536870912: nn_16 = tl.load(at_nn_16 + row, mask=there, other=1.0)
        if DYNAMIC & 1073741824: nn_17 = tl.load(at_nn_17 + row, mask=there, other=1.0)
        if DYNAMIC & 2147483648: nn_18 = tl.load(at_nn_18 + row, mask=there, other=1.0)
        if DYNAMIC & 4294967296: nn_19 = tl.load(at_nn_19 + row, mask=there, other=1.0)
        if DYNAMIC & 8589934592: nn_20 = tl.load(at_nn_20 + row, mask=there, other=1.0)
        if DYNAMIC & 17179869184: nn_21 = tl.load(at_nn_21 + row, mask=there, other=1.0)
        if DYNAMIC & 34359738368: nn_22 = tl.load(at_nn_22 + row, mask=there, other=1.0)
        if DYNAMIC & 68719476736: nn_23 = tl.load(at_nn_23 + row, mask=there, other=1.0)
        if DYNAMIC & 137438953472: nn_24 = tl.load(at_nn_24 + row, mask=there, other=1.0)
        if DYNAMIC & 274877906944: nn_25 = tl.load(at_nn_25 + row, mask=there, other=1.0)
        if DYNAMIC & 549755813888: nn_26 = tl.load(at_nn_26 + row, mask=there, other=1.0)
        if DYNAMIC & 1099511627776: nn_27 = tl.load(at_nn_27 + row, mask=there, other=1.0)
        if DYNAMIC & 2199023255552: nn_28 = tl.load(at_nn_28 + row, mask=there, other=1.0)
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
            gamma,
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
        if DYNAMIC & 4096: tl.store(at_d_gamma + row, d_gamma, mask=there)
        if DYNAMIC & 8192: tl.store(at_d_nn_0 + row, d_nn_0, mask=there)
        if DYNAMIC & 16384: tl.store(at_d_nn_1 + row, d_nn_1, mask=there)
        if DYNAMIC & 32768: tl.store(at_d_nn_2 + row, d_nn_2, mask=there)
        if DYNAMIC & 65536: tl.store(at_d_nn_3 + row, d_nn_3, mask=there)
        if DYNAMIC & 131072: tl.store(at_d_nn_4 + row, d_nn_4, mask=there)
        if DYNAMIC & 262144: tl.store(at_d_nn_5 + row, d_nn_5, mask=there)
        if DYNAMIC & 524288: tl.store(at_d_nn_6 + row, d_nn_6, mask=there)
        if DYNAMIC & 1048576: tl.store(at_d_nn_7 + row, d_nn_7, mask=there)
        if DYNAMIC & 2097152: tl.store(at_d_nn_8 + row, d_nn_8, mask=there)
        if DYNAMIC & 4194304: tl.store(at_d_nn_9 + row, d_nn_9, mask=there)
        if DYNAMIC & 8388608: tl.store(at_d_nn_10 + row, d_nn_10, mask=there)
        if DYNAMIC & 16777216: tl.store(at_d_nn_11 + row, d_nn_11, mask=there)
        if DYNAMIC & 33554432: tl.store(at_d_nn_12 + row, d_nn_12, mask=there)
        if DYNAMIC & 67108864: tl.store(at_d_nn_13 + row, d_nn_13, mask=there)
        if DYNAMIC & 134217728: tl.store(at_d_nn_14 + row, d_nn_14, mask=there)
        if DYNAMIC & 268435456: tl.store(at_d_nn_15 + row, d_nn_15, mask=there)
        if DYNAMIC & 536870912: tl.store(at_d_nn_16 + row, d_nn_16, mask=there)
        if DYNAMIC & 1073741824: tl.store(at_d_nn_17 + row, d_nn_17, mask=there)
        if DYNAMIC & 2147483648: tl.store(at_d_nn_18 + row, d_nn_18, mask=there)
        if DYNAMIC & 4294967296: tl.store(at_d_nn_19 + row, d_nn_19, mask=there)
        if DYNAMIC & 8589934592: tl.store(at_d_nn_20 + row, d_nn_20, mask=there)
        if DYNAMIC & 17179869184: tl.store(at_d_nn_21 + row, d_nn_21, mask=there)
        if DYNAMIC & 34359738368: tl.store(at_d_nn_22 + row, d_nn_22, mask=there)
        if DYNAMIC & 68719476736: tl.store(at_d_nn_23 + row, d_nn_23, mask=there)
        if DYNAMIC & 137438953472: tl.store(at_d_nn_24 + row, d_nn_24, mask=there)
        if DYNAMIC & 274877906944: tl.store(at_d_nn_25 + row, d_nn_25, mask=there)
        if DYNAMIC & 549755813888: tl.store(at_d_nn_26 + row, d_nn_26, mask=there)
        if DYNAMIC & 1099511627776: tl.store(at_d_nn_27 + row, d_nn_27, mask=there)
        if DYNAMIC & 2199023255552: tl.store(at_d_nn_28 + row, d_nn_28, mask=there)
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
        if not DYNAMIC & 8192: sum_nn_0 += d_nn_0
        if not DYNAMIC & 16384: sum_nn_1 += d_nn_1
        if not DYNAMIC & 32768: sum_nn_2 += d_nn_2
        if not DYNAMIC & 65536: sum_nn_3 += d_nn_3
        if not DYNAMIC & 131072: sum_nn_4 += d_nn_4
        if not DYNAMIC & 262144: sum_nn_5 += d_nn_5
        if not DYNAMIC & 524288: sum_nn_6 += d_nn_6
        if not DYNAMIC & 1048576: sum_nn_7 += d_nn_7
        if not DYNAMIC & 2097152: sum_nn_8 += d_nn_8
        if not DYNAMIC & 4194304: sum_nn_9 += d_nn_9
        if not DYNAMIC & 8388608: sum_nn_10 += d_nn_10
        if not DYNAMIC & 16777216: sum_nn_11 += d_nn_11
        if not DYNAMIC & 33554432: sum_nn_12 += d_nn_12
        if not DYNAMIC & 67108864: sum_nn_13 += d_nn_13
        if not DYNAMIC & 134217728: sum_nn_14 += d_nn_14
        if not DYNAMIC & 268435456: sum_nn_15 += d_nn_15
        if not DYNAMIC & 536870912: sum_nn_16 += d_nn_16
        if not DYNAMIC & 1073741824: sum_nn_17 += d_nn_17
        if not DYNAMIC & 2147483648: sum_nn_18 += d_nn_18
        if not DYNAMIC & 4294967296: sum_nn_19 += d_nn_19
        if not DYNAMIC & 8589934592: sum_nn_20 += d_nn_20
        if not DYNAMIC & 17179869184: sum_nn_21 += d_nn_21
        if not DYNAMIC & 34359738368: sum_nn_22 += d_nn_22
        if not DYNAMIC & 68719476736: sum_nn_23 += d_nn_23
        if not DYNAMIC & 137438953472: sum_nn_24 += d_nn_24
        if not DYNAMIC & 274877906944: sum_nn_25 += d_nn_25
        if not DYNAMIC & 549755813888: sum_nn_26 += d_nn_26
        if not DYNAMIC & 1099511627776: sum_nn_27 += d_nn_27
        if not DYNAMIC & 2199023255552: sum_nn_28 += d_nn_28
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
    if not DYNAMIC & 8192: tl.store(at_d_nn_0 + column, sum_nn_0, mask=there)
    if not DYNAMIC & 16384: tl.store(at_d_nn_1 + column, sum_nn_1, mask=there)
    if not DYNAMIC & 32768: tl.store(at_d_nn_2 + column, sum_nn_2, mask=there)
    if not DYNAMIC & 65536: tl.store(at_d_nn_3 + column, sum_nn_3, mask=there)
    if not DYNAMIC & 131072: tl.store(at_d_nn_4 + column, sum_nn_4, mask=there)
    if not DYNAMIC & 262144: tl.store(at_d_nn_5 + column, sum_nn_5, mask=there)
    if not DYNAMIC & 524288: tl.store(at_d_nn_6 + column, sum_nn_6, mask=there)
    if not DYNAMIC & 1048576: tl.store(at_d_nn_7 + column, sum_nn_7, mask=there)
    if not DYNAMIC & 2097152: tl.store(at_d_nn_8 + column, sum_nn_8, mask=there)
    if not DYNAMIC & 4194304: tl.store(at_d_nn_9 + column, sum_nn_9, mask=there)
    if not DYNAMIC & 8388608: tl.store(at_d_nn_10 + column, sum_nn_10, mask=there)
    if not DYNAMIC & 16777216: tl.store(at_d_nn_11 + column, sum_nn_11, mask=there)
    if not DYNAMIC & 33554432: tl.store(at_d_nn_12 + column, sum_nn_12, mask=there)
    if not DYNAMIC & 67108864: tl.store(at_d_nn_13 + column, sum_nn_13, mask=there)
    if not DYNAMIC & 134217728: tl.store(at_d_nn_14 + column, sum_nn_14, mask=there)
    if not DYNAMIC & 268435456: tl.store(at_d_nn_15 + column, sum_nn_15, mask=there)
    if not DYNAMIC & 536870912: tl.store(at_d_nn_16 + column, sum_nn_16, mask=there)
    if not DYNAMIC & 1073741824: tl.store(at_d_nn_17 + column, sum_nn_17, mask=there)
    if not DYNAMIC & 2147483648: tl.store(at_d_nn_18 + column, sum_nn_18, mask=there)
    if not DYNAMIC & 4294967296: tl.store(at_d_nn_19 + column, sum_nn_19, mask=there)
    if not DYNAMIC & 8589934592: tl.store(at_d_nn_20 + column, sum_nn_20, mask=there)
    if not DYNAMIC & 17179869184: tl.store(at_d_nn_21 + column, sum_nn_21, mask=there)
    if not DYNAMIC & 34359738368: tl.store(at_d_nn_22 + column, sum_nn_22, mask=there)
    if not DYNAMIC & 68719476736: tl.store(at_d_nn_23 + column, sum_nn_23, mask=there)
    if not DYNAMIC & 137438953472: tl.store(at_d_nn_24 + column, sum_nn_24, mask=there)
    if not DYNAMIC & 274877906944: tl.store(at_d_nn_25 + column, sum_nn_25, mask=there)
    if not DYNAMIC & 549755813888: tl.store(at_d_nn_26 + column, sum_nn_26, mask=there)
    if not DYNAMIC & 1099511627776: tl.store(at_d_nn_27 + column, sum_nn_27, mask=there)
    if not DYNAMIC & 2199023255552: tl.store(at_d_nn_28 + column, sum_nn_28, mask=there)
