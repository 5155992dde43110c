// SPDX-License-Identifier: Apache-2.0
// RpcReflection: grpc.reflection.v1 and v1alpha, so that tools can list and call what a server has.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/rpc/server.h"

namespace sallyport {

inline constexpr std::size_t kReflectionDepthMax = 32;  ///< of messages in messages

/// RpcReflection answers from the server's method table and from the file descriptors that it was given: code
/// from protoc-gen-sallyport gives its own. Outlives the server; on its loop.
class RpcReflection {
 public:
  /// add_file takes a serialised FileDescriptorProto. Error: invalid_argument.
  Status add_file(std::string_view descriptor);
  void add_to(RpcServer& server);

  /// answer makes the ServerReflectionResponse to a ServerReflectionRequest; malformed ones get an error
  /// response.
  [[nodiscard]] std::string answer(std::string_view request) const;

 private:
  struct File {
    std::string descriptor;
    std::vector<std::string> dependencies;
  };
  /// names adds every symbol of a descriptor below `scope`. False where it is malformed.
  bool names(std::string_view message, std::string_view scope, std::string_view file, std::size_t depth);
  [[nodiscard]] std::string files_from(const std::string& name) const;
  [[nodiscard]] std::string list() const;
  static Task<RpcStatus> serve(const RpcReflection& reflection, RpcServerCall& call);

  const RpcServer* server_ = nullptr;
  std::map<std::string, File, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> symbols_;  ///< full name to file
};

}  // namespace sallyport
