// Precompiled once for every test program.
#pragma once
#include "pch.h"

#include <gtest/gtest.h>
