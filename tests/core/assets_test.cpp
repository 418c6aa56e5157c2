// Where assets and configs are looked for, and which name is offered for a misspelt one.
#include "fsc/core/assets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <utility>
#include <vector>

#include "support/expect_error.h"
#include "support/scoped.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::ScopedEnv;
using test::TempDir;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// <executable>/../share/fsc with files of these names, as an installation has it; removed with the scope. The names must be no
/// real ones: programs that other tests run look there as well.
class InstalledShare {
 public:
  explicit InstalledShare(std::vector<std::string> names) : names_(std::move(names)) {
    for (const auto& name : names_) {
      fs::create_directories((root_ / name).parent_path());
      std::ofstream(root_ / name) << "installed";
    }
  }
  ~InstalledShare() {
    std::error_code not_empty;
    for (const auto& name : names_) fs::remove(root_ / name, not_empty), fs::remove((root_ / name).parent_path(), not_empty);
    fs::remove(root_, not_empty), fs::remove(root_.parent_path(), not_empty);
  }

 private:
  fs::path root_ = fs::read_symlink("/proc/self/exe").parent_path() / "../share/fsc";
  std::vector<std::string> names_;
};

TEST(Assets, EnvironmentThenInstallationThenSourceTree) {
  const std::string name = "only-a-test-has-this.txt";
  const TempDir dir;
  const ScopedEnv configs("FSC_CONFIG_DIR", (dir / "configs").string()), assets("FSC_ASSETS_DIR", (dir / "assets").string());
  EXPECT_EQ(find_config("clip.yaml"), fs::canonical(FSC_SOURCE_DIR "/configs/clip.yaml")) << "in neither of the other two";
  {
    const InstalledShare share({"configs/" + name, "assets/" + name});
    EXPECT_EQ(bytes_of(find_config(name)), "installed") << "not in the environment's folder";
    EXPECT_EQ(bytes_of(find_asset(name)), "installed");
    dir.write("configs/" + name, "environment");
    dir.write("assets/" + name, "environment");
    EXPECT_EQ(bytes_of(find_config(name)), "environment");
    EXPECT_EQ(bytes_of(find_asset(name)), "environment");
    const ScopedEnv empty("FSC_CONFIG_DIR", "");
    EXPECT_EQ(bytes_of(find_config(name)), "installed") << "an empty variable is as none";
  }
  EXPECT_EQ(bytes_of(find_config(name)), "environment");
  dir.write("configs/clip.yaml", "environment");
  EXPECT_EQ(bytes_of(find_config("clip.yaml")), "environment") << "the environment wins over the source tree";
  EXPECT_EQ(find_config("nowhere.yaml"), fs::path());
  EXPECT_EQ(find_config(""), fs::path()) << "a folder is no config";
}

TEST(Assets, MissingOneNamesTheCommandAndThePlaces) {
  const TempDir dir;
  const ScopedEnv env("FSC_ASSETS_DIR", dir.path().string());
  test::expect_error([] { find_asset("no-such.txt"); }, ExitCode::kFailed,
                     {"no-such.txt", "scripts/setup", "FSC_ASSETS_DIR", "looked in " + dir.path().string(), "share/fsc/assets"});
}

TEST(Assets, ConfigFileTakesAPathOrAShippedName) {
  const TempDir dir;
  const ScopedEnv env("FSC_CONFIG_DIR", std::nullopt);
  const fs::path mine = dir.write("clip.yaml", "");
  EXPECT_EQ(config_file(mine), mine);
  EXPECT_EQ(config_file("clip.yaml"), fs::canonical(FSC_SOURCE_DIR "/configs/clip.yaml"));
  EXPECT_EQ(config_file("eval/sugarcrepe.yaml"), fs::canonical(FSC_SOURCE_DIR "/configs/eval/sugarcrepe.yaml"));
  EXPECT_EQ(config_file("nowhere.yaml"), "nowhere.yaml") << "the reader's message then has the name as it was given";
  EXPECT_EQ(config_file("/clip.yaml"), "/clip.yaml") << "an absolute path is never looked for elsewhere";
}

TEST(NearestName, SuggestsWhatIsNear) {
  const std::vector<std::string> names = {"optim.lr", "optim.eps", "train.batch_size", "train.epochs", "lr"};
  EXPECT_EQ(nearest_name("train.batchsize", names), "train.batch_size");
  EXPECT_EQ(nearest_name("train.epoch", names), "train.epochs");
  EXPECT_EQ(nearest_name("optim.lr", names), "optim.lr");
  EXPECT_EQ(nearest_name("optim.rl", names), "optim.lr");
  EXPECT_EQ(nearest_name("lrr", names), "lr");
}

TEST(NearestName, SuggestsNothingForAnotherWord) {
  const std::vector<std::string> names = {"optim.lr", "train.batch_size", "lr", "amp"};
  EXPECT_EQ(nearest_name("quaternion", names), "");
  EXPECT_EQ(nearest_name("zz", names), "") << "two letters replaced by two others is another word";
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("lr", {}), "");
  EXPECT_EQ(nearest_name(std::string(10'000'000, 'l'), names), "") << "a monstrous word costs nothing";
}

}  // namespace
}  // namespace fsc
