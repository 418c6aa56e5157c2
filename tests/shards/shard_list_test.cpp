// Braces, ranges and globs.
#include "fsc/shards/shard_list.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;
using Words = std::vector<std::string>;

TEST(ExpandShards, Braces) {
  EXPECT_EQ(expand_shards("plain.tar"), Words{"plain.tar"});
  EXPECT_EQ(expand_shards("x-{0008..0011}.tar"), (Words{"x-0008.tar", "x-0009.tar", "x-0010.tar", "x-0011.tar"}));
  EXPECT_EQ(expand_shards("{8..11}"), (Words{"8", "9", "10", "11"}));
  EXPECT_EQ(expand_shards("{08..100..46}"), (Words{"008", "054", "100"}));
  EXPECT_EQ(expand_shards("{3..1}"), (Words{"3", "2", "1"}));
  EXPECT_EQ(expand_shards("{7..7}"), Words{"7"});
  EXPECT_EQ(expand_shards("{a,b}/{0..1}.tar"), (Words{"a/0.tar", "a/1.tar", "b/0.tar", "b/1.tar"}));
  EXPECT_EQ(expand_shards("{a{0..1},b,}.tar"), (Words{"a0.tar", "a1.tar", "b.tar", ".tar"}));
  EXPECT_EQ(expand_shards("a.tar::b-{0..1}.tar"), (Words{"a.tar", "b-0.tar", "b-1.tar"}));
}

TEST(ExpandShards, WhatAShellLeavesAlone) {
  EXPECT_EQ(expand_shards("{x}.tar"), Words{"{x}.tar"});
  EXPECT_EQ(expand_shards("{x{0..1}}.tar"), (Words{"{x0}.tar", "{x1}.tar"}));
  EXPECT_EQ(expand_shards("a\\{0..1\\}.tar"), Words{"a{0..1}.tar"});
  EXPECT_EQ(expand_shards("a}.tar"), Words{"a}.tar"});
  EXPECT_EQ(expand_shards("pipe:cat ${HOME}/x-{0..1}.tar | head -c '\\{9'"),
            (Words{"pipe:cat ${HOME}/x-0.tar | head -c '\\{9'", "pipe:cat ${HOME}/x-1.tar | head -c '\\{9'"}));
  EXPECT_EQ(expand_shards("pipe:cat *.tar"), Words{"pipe:cat *.tar"});
}

TEST(ExpandShards, Urls) {
  EXPECT_EQ(expand_shards("http://host/x-{0..1}.tar?sig=a*b"),
            (Words{"http://host/x-0.tar?sig=a*b", "http://host/x-1.tar?sig=a*b"}));
  EXPECT_EQ(expand_shards("http://[::1]:80/a.tar::http://[fe80::2]/b.tar"),
            (Words{"http://[::1]:80/a.tar", "http://[fe80::2]/b.tar"}));
}

TEST(ExpandShards, GlobsAreSortedByBytes) {
  const TempDir dir;
  for (const char* name : {"b-0.tar", "a-10.tar", "a-2.tar", "B.tar", "c.txt", "{x}.tar"}) dir.write(name, "");
  const auto path = [&](const std::string& name) { return (dir / name).string(); };
  EXPECT_EQ(expand_shards(path("[a-zA-Z]*.tar")), (Words{path("B.tar"), path("a-10.tar"), path("a-2.tar"), path("b-0.tar")}));
  EXPECT_EQ(expand_shards(path("{b,a}-?.tar")), (Words{path("b-0.tar"), path("a-2.tar")}));
  EXPECT_EQ(expand_shards(path("\\{*.tar")), Words{path("{x}.tar")});
  dir.write("odd[1].tar", "");
  EXPECT_EQ(expand_shards(path("odd[1].tar")), Words{path("odd[1].tar")});
  test::expect_error([&] { expand_shards(path("{a,z}-*.tar")); }, ExitCode::kFailed, {"no file matches", path("z-*.tar")});
}

TEST(ExpandShards, Mistakes) {
  const auto refused = [](const std::string& pattern, const std::string& part) {
    test::expect_error([&] { expand_shards(pattern); }, ExitCode::kFailed, {part});
  };
  refused("", "empty");
  refused("a.tar::", "empty");
  refused("x-{0..9.tar", "{0..9.tar");
  refused("x-{a,{b,c}.tar", "never closed");
  for (const char* range :
       {"{0..x}", "{..}", "{0..}", "{a..c}", "{0...9}", "{0..9..x}", "{-1..3}", "{0..1..2..3}", "{0..99999999999999999999}"})
    refused(range, "no range");
  refused("{0..9..0}", "step");
  refused("{0..1000000}", "million");
  refused("{0..999}{0..999}{0..999}", "million");
  refused("{0..999999}::{0..999999}", "million");
  refused("{0..999999}" + std::string(1000, 'x'), "too long");
  refused(std::string(1000, 'x') + "{a}{0..999999}", "too long");
  refused(std::string(60, '{') + "a,b" + std::string(60, '}'), "deep");
  refused(std::string(100'000, '{'), "never closed");
}

TEST(ShardName, LastComponent) {
  EXPECT_EQ(shard_name("/data/x-0001.tar"), "x-0001.tar");
  EXPECT_EQ(shard_name("x.tar"), "x.tar");
  EXPECT_EQ(shard_name("what?.tar"), "what?.tar");
  EXPECT_EQ(shard_name("https://host/a/x.tar?sig=a/b.tar#f"), "x.tar");
  EXPECT_EQ(shard_name("pipe:aws s3 cp s3://bucket/set/x-0001.tar -"), "x-0001.tar");
  EXPECT_EQ(shard_name("pipe:curl -s 'https://host/x.tar?a=/b' | cat"), "x.tar");
  EXPECT_EQ(shard_name("pipe:gzip -dc /data/x.tar.gz > /dev/stdout"), "x.tar.gz");
  EXPECT_EQ(shard_name("pipe:ssh host cat /data/shard"), "shard");
  EXPECT_EQ(shard_name("pipe:make-shard 3"), "make-shard 3");
}

}  // namespace
}  // namespace fsc
