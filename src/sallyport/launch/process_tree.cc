// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <unordered_map>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::vector<ProcessNode> all_processes() {
  std::vector<ProcessNode> all;
  const std::unique_ptr<DIR, CloseDirectory> proc(::opendir("/proc"));
  if (!proc) return all;
  while (const auto* entry = ::readdir(proc.get())) {
    const auto pid = parse_decimal<unsigned>(entry->d_name);
    if (!pid) continue;
    const auto parent = parent_of(static_cast<pid_t>(*pid));
    if (parent != 0 && all.size() < kProcessTreeMax) all.push_back({static_cast<pid_t>(*pid), parent});
  }
  return all;
}

/// stat_field returns one field of /proc/PID/stat, as proc(5) numbers them, from 3 on; 0 where there is none.
std::uint64_t stat_field(pid_t pid, std::size_t number) {
  const Descriptor file(::open(concat("/proc/", pid, "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return 0;
  char buffer[1024];
  const auto got = ::read(file.get(), buffer, sizeof buffer);
  if (got <= 0) return 0;
  std::string_view text(buffer, static_cast<std::size_t>(got));
  const auto name_end = text.rfind(')');  // the name may hold anything, a ')' too
  if (name_end == std::string_view::npos) return 0;
  const auto fields = split(text.substr(name_end + 1), ' ');  // "", field 3, field 4, ...
  const std::size_t at = number - 2;
  return fields.size() <= at ? 0 : parse_decimal<std::uint64_t>(fields[at]).value_or(0);
}

}  // namespace

pid_t parent_of(pid_t pid) { return static_cast<pid_t>(stat_field(pid, 4)); }

std::uint64_t start_of(pid_t pid) { return stat_field(pid, 22); }

std::vector<ProcessNode> process_tree(pid_t root) {
  std::unordered_multimap<pid_t, pid_t> children;
  std::vector<ProcessNode> tree;
  for (const auto& node : all_processes()) {
    children.emplace(node.parent, node.pid);
    if (node.pid == root) tree.push_back(node);
  }
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const auto [first, last] = children.equal_range(tree[i].pid);
    for (auto it = first; it != last; ++it) tree.push_back({it->second, it->first});
  }
  return tree;
}

}  // namespace sallyport
