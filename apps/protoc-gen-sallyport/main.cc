// SPDX-License-Identifier: Apache-2.0
// protoc-gen-sallyport: for each service of NAME.proto a class in NAME.sallyport.h, with a Service to derive
// from and a Client to call through. Messages are protobuf's own (NAME.pb.h).
#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <map>
#include <memory>
#include <string>

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using google::protobuf::io::Printer;
using Words = std::map<std::string, std::string>;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

std::string stem_of(const FileDescriptor* file) {
  const std::string& name = file->name();
  return name.substr(0, name.rfind(".proto"));
}

/// class_of is the C++ name of a message: nested ones are Outer_Inner.
std::string class_of(const Descriptor* message) {
  const std::string& package = message->file()->package();
  const std::string inside =
      package.empty() ? message->full_name() : message->full_name().substr(package.size() + 1);
  return (package.empty() ? "::" : "::" + replaced(package, ".", "::") + "::") + replaced(inside, ".", "_");
}

bool streams(const MethodDescriptor* method) {
  return method->client_streaming() || method->server_streaming();
}

Words words_of(const MethodDescriptor* method) {
  return {{"method", method->name()},
          {"path", "/" + method->service()->full_name() + "/" + method->name()},
          {"request", class_of(method->input_type())},
          {"response", class_of(method->output_type())}};
}

void print_service(const ServiceDescriptor* service, Printer& out) {
  out.Print(
      "  /// Service answers the calls. Derive, override what there is, and add_to() a server that it "
      "outlives.\n"
      "  /// Unary methods run on the server's loop, or on a pool; streaming ones are coroutines on the "
      "loop.\n"
      "  class Service {\n"
      "   public:\n"
      "    virtual ~Service() = default;\n");
  for (int i = 0; i < service->method_count(); ++i) {
    const MethodDescriptor* const method = service->method(i);
    out.Print(words_of(method),
              streams(method) ? "    virtual ::sallyport::Task<::sallyport::RpcStatus> $method$("
                                "::sallyport::TypedServerStream<$request$, $response$>&) {\n"
                                "      return ::sallyport::rpc_unimplemented();\n"
                                "    }\n"
                              : "    virtual ::sallyport::RpcStatus $method$(::sallyport::RpcServerCall&, "
                                "const $request$&, $response$&) {\n"
                                "      return {::sallyport::RpcCode::unimplemented, \"not implemented\"};\n"
                                "    }\n");
  }
  out.Print(
      "    void add_to(::sallyport::RpcServer& server) { add(server, nullptr); }\n"
      "    void add_to(::sallyport::RpcServer& server, ::sallyport::BlockingPool& pool) { add(server, "
      "&pool); }\n"
      "\n"
      "   private:\n"
      "    void add(::sallyport::RpcServer& server, ::sallyport::BlockingPool* pool) {\n");
  for (int i = 0; i < service->method_count(); ++i) {
    const MethodDescriptor* const method = service->method(i);
    out.Print(words_of(method),
              streams(method)
                  ? "      server.add_streaming(\"$path$\", [this](::sallyport::RpcServerCall& call) {\n"
                    "        return ::sallyport::typed_streaming<$request$, $response$>(*this, "
                    "&Service::$method$, call);\n"
                    "      });\n"
                  : "      {\n"
                    "        auto handler = ::sallyport::typed_unary<$request$, $response$>(\n"
                    "            [this](::sallyport::RpcServerCall& call, const $request$& request, "
                    "$response$& response) {\n"
                    "              return $method$(call, request, response);\n"
                    "            });\n"
                    "        if (pool == nullptr) {\n"
                    "          server.add(\"$path$\", std::move(handler));\n"
                    "        } else {\n"
                    "          server.add_on(*pool, \"$path$\", std::move(handler));\n"
                    "        }\n"
                    "      }\n");
  }
  out.Print(
      "      (void)pool;\n"
      "    }\n"
      "  };\n\n");
}

void print_client(const ServiceDescriptor* service, Printer& out) {
  out.Print(
      "  /// Client makes the calls. Any thread.\n"
      "  class Client {\n"
      "   public:\n"
      "    explicit Client(std::shared_ptr<::sallyport::RpcChannel> channel) : channel_(std::move(channel)) "
      "{}\n");
  for (int i = 0; i < service->method_count(); ++i) {
    const MethodDescriptor* const method = service->method(i);
    out.Print(words_of(method),
              streams(method) ? "    ::sallyport::TypedStream<$request$, $response$> "
                                "$method$(::sallyport::RpcCallOptions options = {}) {\n"
                                "      return ::sallyport::TypedStream<$request$, "
                                "$response$>(channel_->open(\"$path$\", std::move(options)));\n"
                                "    }\n"
                              : "    ::sallyport::TypedReply<$response$> $method$(const $request$& request, "
                                "::sallyport::RpcCallOptions options = {}) {\n"
                                "      return ::sallyport::typed_call<$response$>(*channel_, \"$path$\", "
                                "request, std::move(options));\n"
                                "    }\n");
  }
  out.Print(
      "\n"
      "   private:\n"
      "    std::shared_ptr<::sallyport::RpcChannel> channel_;\n"
      "  };\n");
}

void print_file(const FileDescriptor* file, Printer& out) {
  const std::string space = replaced(file->package(), ".", "::");
  const Words words{{"proto", file->name()}, {"stem", stem_of(file)}, {"space", space}};
  out.Print(words,
            "// Generated by protoc-gen-sallyport from $proto$. Do not edit.\n"
            "#pragma once\n\n"
            "#include <memory>\n"
            "#include <string>\n"
            "#include <string_view>\n"
            "#include <utility>\n\n"
            "#include \"$stem$.pb.h\"\n"
            "#include \"sallyport/rpc/typed.h\"\n\n");
  if (!space.empty()) out.Print(words, "namespace $space$ {\n\n");
  for (int i = 0; i < file->service_count(); ++i) {
    const ServiceDescriptor* const service = file->service(i);
    const Words names{{"name", service->name()}, {"full", service->full_name()}};
    out.Print(names,
              "class $name$Rpc {\n"
              " public:\n"
              "  static constexpr std::string_view kService = \"$full$\";\n\n");
    print_service(service, out);
    print_client(service, out);
    out.Print("};\n\n");
  }
  if (!space.empty()) out.Print(words, "}  // namespace $space$\n");
}

class Generator final : public google::protobuf::compiler::CodeGenerator {
 public:
  bool Generate(const FileDescriptor* file, const std::string&,
                google::protobuf::compiler::GeneratorContext* context, std::string*) const override {
    const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> stream(
        context->Open(stem_of(file) + ".sallyport.h"));
    Printer out(stream.get(), '$');
    print_file(file, out);
    return true;
  }
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }
};

}  // namespace

int main(int argc, char** argv) {
  const Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
