// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/reflection.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

// Fields of FileDescriptorProto.
constexpr std::uint32_t kFilePackage = 2;
constexpr std::uint32_t kFileDependency = 3;
constexpr std::uint32_t kFileMessage = 4;
constexpr std::uint32_t kFileEnum = 5;
constexpr std::uint32_t kFileService = 6;

// Fields of ServerReflectionRequest and ServerReflectionResponse; the same in v1 and v1alpha.
constexpr std::uint32_t kByFilename = 3;
constexpr std::uint32_t kBySymbol = 4;
constexpr std::uint32_t kListServices = 7;
constexpr std::uint32_t kHost = 1;
constexpr std::uint32_t kOriginalRequest = 2;
constexpr std::uint32_t kFilesResponse = 4;
constexpr std::uint32_t kListResponse = 6;
constexpr std::uint32_t kErrorResponse = 7;

std::string error_of(RpcCode code, std::string_view why) {
  std::string error;
  wire_put(error, 1, static_cast<std::uint64_t>(code));
  wire_put(error, 2, why);
  return error;
}

std::string joined(std::string_view scope, std::string_view name) {
  return scope.empty() ? std::string(name) : concat(scope, '.', name);
}

/// name_in finds field 1 of a descriptor, its name.
std::string_view name_in(std::string_view descriptor) noexcept {
  WireReader reader(descriptor);
  while (reader.next()) {
    if (reader.field() == 1 && reader.is_bytes()) return reader.text();
  }
  return {};
}

}  // namespace

/// DescriptorProto: 1 name, 3 nested message, 4 enum. ServiceDescriptorProto: 1 name, 2 method; a method has
/// no field 3 that is a message with a name, so one walk serves all.
bool RpcReflection::names(std::string_view message, std::string_view scope, std::string_view file,
                          std::size_t depth) {
  if (depth > kReflectionDepthMax) return false;
  const std::string full = joined(scope, name_in(message));
  symbols_[full] = file;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.field() == 3 && reader.is_bytes() && !names(reader.text(), full, file, depth + 1))
      return false;
    if (reader.field() == 4 && reader.is_bytes()) symbols_[joined(full, name_in(reader.text()))] = file;
  }
  return reader.ok();
}

Status RpcReflection::add_file(std::string_view descriptor) {
  const std::string name(name_in(descriptor));
  const Error malformed = fail(Code::invalid_argument, "this is no file descriptor");
  if (name.empty()) return malformed;
  std::string package;
  File file{std::string(descriptor), {}};
  for (WireReader reader(descriptor); reader.next();) {
    if (reader.field() == kFilePackage && reader.is_bytes()) package = reader.text();
  }
  WireReader reader(descriptor);
  while (reader.next()) {
    if (!reader.is_bytes()) continue;
    if (reader.field() == kFileDependency) file.dependencies.emplace_back(reader.text());
    if (reader.field() == kFileMessage && !names(reader.text(), package, name, 0)) return malformed;
    if (reader.field() == kFileEnum) symbols_[joined(package, name_in(reader.text()))] = name;
    if (reader.field() != kFileService) continue;
    const std::string service = joined(package, name_in(reader.text()));
    symbols_[service] = name;
    for (WireReader methods(reader.text()); methods.next();) {
      if (methods.field() == 2 && methods.is_bytes())
        symbols_[joined(service, name_in(methods.text()))] = name;
    }
  }
  if (!reader.ok()) return malformed;
  files_[name] = std::move(file);
  return ok();
}

void RpcReflection::add_to(RpcServer& server) {
  server_ = &server;
  for (const std::string_view version : {"v1", "v1alpha"}) {
    server.add_streaming(concat("/grpc.reflection.", version, ".ServerReflection/ServerReflectionInfo"),
                         [this](RpcServerCall& call) { return serve(*this, call); });
  }
}

/// The file and what it depends on, each once, as far as we have them.
std::string RpcReflection::files_from(const std::string& first) const {
  std::string response;
  std::set<std::string> seen;
  std::vector<std::string> due{first};
  while (!due.empty()) {
    const std::string name = std::move(due.back());
    due.pop_back();
    const auto found = files_.find(name);
    if (found == files_.end() || !seen.insert(name).second) continue;
    wire_put(response, 1, found->second.descriptor);
    due.insert(due.end(), found->second.dependencies.begin(), found->second.dependencies.end());
  }
  return response;
}

std::string RpcReflection::list() const {
  std::string response;
  for (const std::string& name : server_ == nullptr ? std::vector<std::string>() : server_->services()) {
    std::string service;
    wire_put(service, 1, name);
    wire_put(response, 1, service);
  }
  return response;
}

std::string RpcReflection::answer(std::string_view request) const {
  std::string response;
  WireReader reader(request);
  std::uint32_t asked = 0;
  std::string_view what;
  while (reader.next()) {
    if (!reader.is_bytes()) continue;
    if (reader.field() == kHost) wire_put(response, kHost, reader.text());
    if (reader.field() < kByFilename || reader.field() > kListServices) continue;
    asked = reader.field();
    what = reader.text();
  }
  wire_put(response, kOriginalRequest, request);
  if (!reader.ok()) {
    wire_put(response, kErrorResponse, error_of(RpcCode::invalid_argument, "malformed request"));
    return response;
  }
  if (asked == kListServices) {
    wire_put(response, kListResponse, list());
    return response;
  }
  std::string files;
  if (asked == kByFilename) files = files_from(std::string(what));
  const auto symbol = asked == kBySymbol ? symbols_.find(what) : symbols_.end();
  if (symbol != symbols_.end()) files = files_from(symbol->second);
  if (files.empty()) {
    wire_put(response, kErrorResponse,
             error_of(RpcCode::not_found, "no such file, symbol or extension here"));
  } else {
    wire_put(response, kFilesResponse, files);
  }
  return response;
}

Task<RpcStatus> RpcReflection::serve(const RpcReflection& reflection, RpcServerCall& call) {
  while (true) {
    const std::optional<std::string> request = co_await call.read();
    if (!request.has_value()) break;
    const std::string response = reflection.answer(*request);
    const bool sent = co_await call.write(response);
    if (!sent) break;
  }
  co_return rpc_ok();
}

}  // namespace sallyport
