// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/keeper.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

bool same(const TlsChoice& a, const TlsChoice& b) {
  return a.serving.identity.chain_pem == b.serving.identity.chain_pem;
}

std::string date_of(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const auto two = [](unsigned number) { return concat(number < 10 ? "0" : "", number); };
  return concat(static_cast<int>(date.year()), '-', two(static_cast<unsigned>(date.month())), '-',
                two(static_cast<unsigned>(date.day())));
}

/// judge_successor: a good certificate is not given up for one that nobody would take.
Status judge_successor(const TlsChoice& next, const ServerIdentity& present, WallTime now) {
  const ServerIdentity& identity = next.serving.identity;
  const bool present_good = now >= present.not_before && now <= present.not_after;
  if (!present_good) return ok();
  if (now < identity.not_before) return fail(Code::unavailable, "the new certificate is not valid yet");
  if (now > identity.not_after) return fail(Code::unavailable, "the new certificate is over");
  return ok();
}

}  // namespace

std::string marks_of(const std::vector<std::string>& paths) {
  std::string marks;
  for (const auto& path : paths) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) {
      marks += "-;";
      continue;
    }
    // A socket's times change with each connection to it.
    const bool is_file = S_ISREG(found.st_mode);
    marks += concat(found.st_dev, '.', found.st_ino, '.', found.st_mode, '.', found.st_uid);
    if (is_file)
      marks += concat('.', found.st_size, '.', found.st_mtim.tv_sec, '.', found.st_mtim.tv_nsec, '.',
                      found.st_ctim.tv_sec, '.', found.st_ctim.tv_nsec);
    marks += ';';
  }
  return marks;
}

TlsKeeper::TlsKeeper(TlsCascade cascade, Powers powers, Calls calls)
    : cascade_(std::move(cascade)), powers_(powers), calls_(std::move(calls)) {}

Result<std::unique_ptr<TlsKeeper>> TlsKeeper::open(TlsCascade cascade, Powers powers, Calls calls) {
  std::unique_ptr<TlsKeeper> keeper(new TlsKeeper(std::move(cascade), powers, std::move(calls)));
  // Marks are taken before the files are read: what changes in between is looked at once more.
  keeper->marks_ = marks_of(keeper->cascade_.watched());
  const WallTime now = powers.clock.now();
  SALLYPORT_TRY(choice, keeper->cascade_.choose(now));
  SALLYPORT_CHECK(keeper->calls_.serve(choice.serving.identity));
  keeper->current_ = std::move(choice);
  keeper->changed_at_ = now;
  keeper->cascade_.be_quick();
  keeper->note_success();
  return keeper;
}

TlsKeeper::~TlsKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TlsKeeper::run() {
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stopping_.wait_for(lock, kTlsWatchEvery, [this] { return stopped_; })) {
      lock.unlock();
      look();
      lock.lock();
    }
  });
}

Duration TlsKeeper::jittered(Duration interval) {
  std::array<std::byte, 1> random{};
  powers_.entropy.fill(random);
  return interval + interval / 2 * std::to_integer<int>(random.front()) / 256;
}

void TlsKeeper::look() {
  auto marks = marks_of(cascade_.watched());
  const bool touched = marks != marks_;
  const MonotonicTime mono = powers_.monotonic.now();
  if (!touched && mono < ask_at_) return;
  if (touched) retry_ = kTlsRetryFirst;
  marks_ = std::move(marks);
  const WallTime now = powers_.clock.now();
  auto adopted =
      choose(now).and_then([this, now](TlsChoice choice) { return adopt(std::move(choice), now); });
  if (adopted) {
    note_success();
  } else {
    note_failure(adopted.error());
  }
}

/// choose stays with the present source, or goes up from it, for as long as its certificate lasts.
Result<TlsChoice> TlsKeeper::choose(WallTime now) {
  TlsTier tier{};
  WallTime end{};
  {
    const std::lock_guard lock(mutex_);
    tier = current_.tier;
    end = current_.serving.identity.not_after;
  }
  auto choice = cascade_.choose(now, tier);
  if (choice || end - now > kTlsSpare) return choice;
  return cascade_.choose(now);
}

Status TlsKeeper::adopt(TlsChoice choice, WallTime now) {
  std::unique_lock lock(mutex_);
  if (same(choice, current_)) {
    current_.passed_over = std::move(choice.passed_over);
    current_.serving.why = std::move(choice.serving.why);
    current_.serving.root_file = std::move(choice.serving.root_file);
    return ok();
  }
  SALLYPORT_CHECK(judge_successor(choice, current_.serving.identity, now));
  SALLYPORT_CHECK(calls_.serve(choice.serving.identity));
  const ServerIdentity& identity = choice.serving.identity;
  const TlsNews news{TlsNews::Kind::replaced,
                     concat("another certificate is served: ", name_of(choice.tier), ", SHA-256 ",
                            identity.fingerprint, ", until ", date_of(identity.not_after))};
  current_ = std::move(choice);
  changed_at_ = now;
  ++changes_;
  lock.unlock();
  if (calls_.tell) calls_.tell(news);
  return ok();
}

/// note_failure tells only what lasts: two files are never replaced in one moment.
void TlsKeeper::note_failure(const Error& error) {
  ask_at_ = after(powers_.monotonic.now(), jittered(retry_));
  retry_ = std::min(retry_ * 2, kTlsRetryMax);
  {
    const std::lock_guard lock(mutex_);
    if (trouble_ != Trouble::none) fault_ = error.what;
  }
  if (trouble_ == Trouble::none) {
    trouble_ = Trouble::fresh;
  } else if (trouble_ == Trouble::fresh) {
    trouble_ = Trouble::told;
    const TlsNews news{TlsNews::Kind::refused,
                       concat("the certificate before serves on, since no new one is good: ", error.what)};
    if (calls_.tell) calls_.tell(news);
  }
}

void TlsKeeper::note_success() {
  ask_at_ = after(powers_.monotonic.now(), jittered(kTlsAskEvery));
  retry_ = kTlsRetryFirst;
  const bool told = trouble_ == Trouble::told;
  trouble_ = Trouble::none;
  {
    const std::lock_guard lock(mutex_);
    fault_.clear();
  }
  const TlsNews news{TlsNews::Kind::mended, "the source of the certificate is well again"};
  if (told && calls_.tell) calls_.tell(news);
}

TlsReport TlsKeeper::report() const {
  const WallTime now = powers_.clock.now();
  const std::lock_guard lock(mutex_);
  TlsReport report = report_choice(current_, now);
  report.fault = fault_;
  report.changed_at = changed_at_;
  report.changes = changes_;
  return report;
}

WallTime TlsKeeper::not_after() const {
  const std::lock_guard lock(mutex_);
  return current_.serving.identity.not_after;
}

}  // namespace sallyport
