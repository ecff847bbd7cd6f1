"""The same physics, fast: one traced step, printed as C++ and Triton around a fixed time loop.

trace.py (torch) → ir.py → cpp.py, triton.py; build.py compiles, native.py runs without torch,
autograd.py with it. Nobody writes the physics or its adjoint a second time.
The LSTM before it has a kernel of its own, lstm.cpp, which lstm.py joins to torch.
"""
