// JPEG through libjpeg: OpenCV turns truncated files grey, prints to stderr and rounds CMYK its own way.
// The data source suspends at the end of the bytes, as PIL's does, so a file is refused exactly when PIL refuses it.
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>  // needs <cstdio> first

#include <fmt/format.h>
#include <jerror.h>

#include "fsc/core/out_of_memory.h"
#include "image/detail_formats.h"

namespace fsc::detail {
namespace {

/// Of a component each block of 8 x 8 samples takes a bit or more, and the components have a block for every 128 pixels or more:
/// fewer bytes cannot be a whole picture. Told before anything is allocated. Arithmetic coding can do with less.
constexpr int64_t kMostPixelsPerByte = 1024;
/// Each costs a pass over the whole picture, however few its bytes. Encoders write some ten.
constexpr int kMostScans = 500;

/// libjpeg's state and everything the guarded functions touch. They run between setjmp and a possible longjmp,
/// so they and their callees own nothing with a destructor.
struct Jpeg {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf on_error;
  char message[JMSG_LENGTH_MAX] = "";
  uint8_t* rgb = nullptr;      // [height, width, 3]
  uint8_t* scratch = nullptr;  // one row of the file's components, unless they are RGB

  ~Jpeg() { jpeg_destroy_decompress(&info); }
};

void throw_to_guard(j_common_ptr info) {
  auto* jpeg = static_cast<Jpeg*>(info->client_data);
  info->err->format_message(info, jpeg->message);
  std::longjmp(jpeg->on_error, 1);
}

void limit_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  auto* jpeg = static_cast<Jpeg*>(info->client_data);
  std::snprintf(jpeg->message, sizeof jpeg->message, "more than %d scans", kMostScans);
  std::longjmp(jpeg->on_error, 1);
}

void skip_bytes(j_decompress_ptr info, long count) {
  jpeg_source_mgr* source = info->src;
  const size_t step = std::min(static_cast<size_t>(std::max(count, 0L)), source->bytes_in_buffer);
  source->next_input_byte += step;
  source->bytes_in_buffer -= step;
}

void open(Jpeg& jpeg, std::string_view bytes) {
  jpeg.info.err = jpeg_std_error(&jpeg.errors);
  jpeg.info.client_data = &jpeg;
  jpeg.errors.error_exit = throw_to_guard;
  jpeg.errors.emit_message = [](j_common_ptr, int) {};  // PIL, too, accepts what libjpeg only warns about
  jpeg.errors.output_message = [](j_common_ptr) {};
  jpeg.progress.progress_monitor = limit_scans;
  jpeg.source.init_source = [](j_decompress_ptr) {};
  jpeg.source.term_source = [](j_decompress_ptr) {};
  jpeg.source.fill_input_buffer = [](j_decompress_ptr) -> boolean { return FALSE; };
  jpeg.source.skip_input_data = skip_bytes;
  jpeg.source.resync_to_restart = jpeg_resync_to_restart;
  jpeg.source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  jpeg.source.bytes_in_buffer = bytes.size();
}

/// False: the bytes ended too early.
bool read_header(Jpeg& jpeg) {
  jpeg_create_decompress(&jpeg.info);
  jpeg.info.src = &jpeg.source;
  jpeg.info.progress = &jpeg.progress;
  return jpeg_read_header(&jpeg.info, TRUE) == JPEG_HEADER_OK;
}

/// x * y / 255, rounded, for bytes.
inline int scale_255(int x, int y) { return (x * y + 127) / 255; }

void convert_row(const uint8_t* in, uint8_t* out, int64_t width, int components) {
  for (int64_t x = 0; x < width; ++x, out += 3) {
    if (components == 1) {
      out[0] = out[1] = out[2] = in[x];
    } else {  // CMYK stored inverted (Adobe), which PIL assumes for every CMYK file: 255 means no ink
      const uint8_t* cmyk = in + 4 * x;
      for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(cmyk[3] - scale_255(255 - cmyk[c], cmyk[3]));
    }
  }
}

bool read_pixels(Jpeg& jpeg) {
  jpeg_decompress_struct& info = jpeg.info;
  const int components = info.num_components;
  info.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  if (!jpeg_start_decompress(&info)) return false;
  while (info.output_scanline < info.output_height) {
    uint8_t* target = jpeg.rgb + static_cast<int64_t>(info.output_scanline) * info.output_width * 3;
    JSAMPROW row = components == 3 ? target : jpeg.scratch;
    if (jpeg_read_scanlines(&info, &row, 1) == 0) return false;
    if (components != 3) convert_row(row, target, info.output_width, components);
  }
  jpeg_finish_decompress(&info);  // may still find damage; all rows are there, so a missing end marker is forgiven
  return true;
}

/// Runs `step` and turns libjpeg's longjmp and suspension into an Error.
void guard(Jpeg& jpeg, bool (*step)(Jpeg&), const std::string& name) {
  if (setjmp(jpeg.on_error) != 0) {
    if (jpeg.errors.msg_code == JERR_OUT_OF_MEMORY) throw OutOfMemory(fmt::format("{}: {}", name, jpeg.message));
    refuse_image(name, fmt::format("damaged JPEG ({})", jpeg.message));
  }
  if (!step(jpeg)) refuse_image(name, "truncated JPEG");
}

}  // namespace

torch::Tensor decode_jpeg(std::string_view bytes, const std::string& name) {
  Jpeg jpeg;
  open(jpeg, bytes);
  guard(jpeg, read_header, name);
  const int64_t width = jpeg.info.image_width, height = jpeg.info.image_height;
  const int components = jpeg.info.num_components;
  check_image_size(width, height, name);
  if (components != 1 && components != 3 && components != 4) {
    refuse_image(name, fmt::format("a JPEG with {} components", components));
  }
  if (!jpeg.info.arith_code && width * height > kMostPixelsPerByte * static_cast<int64_t>(bytes.size()))
    refuse_image(name, "truncated JPEG (too little data for its size)");
  auto rgb = torch::empty({height, width, 3}, torch::kUInt8);
  std::vector<uint8_t> scratch(static_cast<size_t>(width * components));
  jpeg.rgb = rgb.data_ptr<uint8_t>();
  jpeg.scratch = scratch.data();
  guard(jpeg, read_pixels, name);
  return rgb;
}

}  // namespace fsc::detail
