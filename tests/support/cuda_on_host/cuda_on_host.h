// CUDA C++ for kernels that run on the host, in tests: included before a .cuh of src/kernels/cuda, which then needs no CUDA.
//
// One fibre is one thread (block.h). What it shows: barriers, shuffles, votes, wmma and cp.async that not all reach or that are
// missing (run for_every_schedule), shared memory and outputs read before they are written, accesses outside buffers, unaligned
// tiles and copies. What it does not: races inside a warp between two operations that make the lanes meet, bank conflicts,
// occupancy.
#pragma once

#define FSC_CUDA_ON_HOST 1
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

#include "support/cuda_on_host/async_copy.h"
#include "support/cuda_on_host/block.h"
#include "support/cuda_on_host/floats.h"
#include "support/cuda_on_host/launch.h"
#include "support/cuda_on_host/memory.h"
#include "support/cuda_on_host/warp.h"
#include "support/cuda_on_host/wmma.h"
