// Pixels of a scene.
#pragma once
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <utility>
#include <vector>

#include "synth/detail_scene.h"

namespace fsc::synth {

/// CV_8UC3 (BGR), size x size. Background, light, noise, thin occluders and colour jitter are drawn from `rng`.
cv::Mat render(const Scene& scene, int size, Rng& rng);

/// Encodes by the file name's extension; Error names the file.
void write_image(const std::filesystem::path& path, const cv::Mat& image);

/// Pictures with their captions beneath, four in a row.
cv::Mat contact_sheet(const std::vector<std::pair<cv::Mat, std::string>>& pictures);

}  // namespace fsc::synth
