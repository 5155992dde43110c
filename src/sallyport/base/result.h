// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Names follow std::expected, so that this file can become an alias of it
// once every supported compiler ships <expected> with and_then (g++ 13, clang 19).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace sallyport {

/// Code is what a caller may branch on. `http` maps it to a status; nobody else converts.
enum class Code : std::uint8_t {
  invalid_argument,   ///< malformed input; retrying cannot help
  unauthenticated,    ///< no or wrong credential
  permission_denied,  ///< known, and not allowed; or a security rule refuses
  not_found,          ///< no such thing
  already_exists,     ///< the thing is there and will not be replaced
  exhausted,          ///< a limit of ours was reached
  unavailable,        ///< a peer, child or disk is away; a retry may help
  deadline_exceeded,  ///< it took too long
  cancelled,          ///< the caller's side went away, or we are closing
  internal,           ///< our fault
};

/// name_of returns the code's spelling, for logs and JSON.
constexpr std::string_view name_of(Code code) noexcept {
  constexpr std::string_view names[] = {
      "invalid_argument", "unauthenticated", "permission_denied", "not_found", "already_exists",
      "exhausted",        "unavailable",     "deadline_exceeded", "cancelled", "internal"};
  return names[static_cast<std::size_t>(code)];
}

/// Error is for the operator: `what` says what went wrong and what to do; it never holds a secret, and input
/// that it quotes is escaped.
struct [[nodiscard]] Error {
  Code code = Code::internal;
  std::string what;
};

/// Unit is the value of a Result that carries none.
struct Unit {};

/// Result holds a T or an Error. Access is checked in every build type: a wrong guess aborts, it does not
/// corrupt.
template <class T>
class [[nodiscard]] Result {
  static_assert(!std::is_same_v<std::remove_cv_t<T>, Error>,
                "a Result<Error> cannot tell its two states apart");
  static_assert(!std::is_reference_v<T>, "return a pointer or std::reference_wrapper");

 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& operator*() & { return get<0>(state_); }
  const T& operator*() const& { return get<0>(state_); }
  T&& operator*() && { return std::move(get<0>(state_)); }
  T* operator->() { return &get<0>(state_); }
  const T* operator->() const { return &get<0>(state_); }
  const Error& error() const& { return get<1>(state_); }
  Error&& error() && { return std::move(get<1>(state_)); }

  T value_or(T other) && { return has_value() ? *std::move(*this) : std::move(other); }

  /// and_then calls f: T -> Result<U> on the value, or passes the Error on.
  template <class F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<F>(f)(*std::move(*this));
  }
  /// transform calls f: T -> U on the value, or passes the Error on.
  template <class F>
  auto transform(F&& f) && -> Result<std::invoke_result_t<F, T>> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<F>(f)(*std::move(*this));
  }
  /// or_else calls f: Error -> Result<T> where there is no value.
  template <class F>
  Result or_else(F&& f) && {
    if (has_value()) return std::move(*this);
    return std::forward<F>(f)(std::move(*this).error());
  }
  /// transform_error calls f: Error -> Error, to add what this layer knows.
  template <class F>
  Result transform_error(F&& f) && {
    if (has_value()) return std::move(*this);
    return std::forward<F>(f)(std::move(*this).error());
  }

 private:
  template <std::size_t I, class S>
  static auto& get(S& state) {
    auto* held = std::get_if<I>(&state);
    if (held == nullptr) std::abort();
    return *held;
  }
  std::variant<T, Error> state_;
};

using Status = Result<Unit>;
inline Status ok() { return Unit{}; }
inline Error fail(Code code, std::string_view what) { return Error{code, std::string(what)}; }

}  // namespace sallyport

/// SALLYPORT_TRY(var, expr) declares `var` from a Result, or returns its Error from this function. Three
/// statements: not after an unbraced `if`. SALLYPORT_CO_TRY is its twin for coroutines.
#define SALLYPORT_TRY(var, expr)                             \
  auto var##_result = (expr);                                \
  if (!var##_result) return std::move(var##_result).error(); \
  auto var = *std::move(var##_result)

#define SALLYPORT_CO_TRY(var, expr)                             \
  auto var##_result = (expr);                                   \
  if (!var##_result) co_return std::move(var##_result).error(); \
  auto var = *std::move(var##_result)

/// SALLYPORT_CHECK(status_expr) returns the Error of a Status from this function.
#define SALLYPORT_CHECK(expr)                                          \
  do {                                                                 \
    auto sallyport_status = (expr);                                    \
    if (!sallyport_status) return std::move(sallyport_status).error(); \
  } while (false)
