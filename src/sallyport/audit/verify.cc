// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/verify.h"

#include "sallyport/audit/internal/tail.h"
#include "sallyport/audit/log_files.h"
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

class Verifier {
 public:
  Verifier(const AuditKey& key, const AuditWish& wish) : wish_(wish), chain_(key) {}

  Result<AuditVerdict> run() {
    for (const auto& file : wish_.files) {
      verdict_.file = file;
      verdict_.line = 0;
      SALLYPORT_TRY(good, read_file(file));
      if (!good) return std::move(verdict_);
    }
    if (pending_.empty()) {
      judge_end();
    } else if (pending_whole_) {
      (void)refuse_pending();
    } else {
      unfinished(pending_);
      judge_end();
    }
    return std::move(verdict_);
  }

 private:
  /// read_file is false where the verdict is settled.
  Result<bool> read_file(const std::string& file) {
    SALLYPORT_TRY(reader, LineReader::open(file));
    LineReader::Line line;
    for (;;) {
      SALLYPORT_TRY(more, reader.next(line));
      if (!more) return true;
      ++verdict_.line;
      if (!take(line)) return false;
    }
  }

  bool take(const LineReader::Line& line) {
    const auto read =
        line.end == LineReader::Line::End::too_long ? std::nullopt : read_chained_line(line.text);
    if (read && is_next(*read)) return take_good(*read, line.text);
    if (!pending_.empty()) return refuse_pending();  // this line does not explain the one before
    if (read && begins_chain(*read)) {
      if (wish_.chains == AuditWish::Chains::one)
        return refuse("begins a new chain: what stood before it was replaced");
      verdict_.notes.push_back(
          concat("event 1 of another chain at line ", verdict_.line, ": sallyport was started again"));
      return take_good(*read, line.text);
    }
    if (read) return refuse(why_not(*read));
    if (line.end == LineReader::Line::End::too_long) return refuse("is longer than any event");
    pending_ = line.text;  // the crash of a writer leaves such a line; what follows must say so
    pending_file_ = verdict_.file;
    pending_line_ = verdict_.line;
    pending_whole_ = line.end == LineReader::Line::End::newline;
    return true;
  }

  [[nodiscard]] bool is_next(const ChainedLine& line) const {
    if (verdict_.events == 0) {  // what stood before the oldest file is known by what its first line names
      return line.previous && chain_.extends({line.seq - 1, *line.previous}, line) &&
             (line.seq != 1 || is_beginning(*line.previous));
    }
    return chain_.extends(verdict_.end, line) && (!line.previous || line.previous->matches(verdict_.end.mac));
  }
  [[nodiscard]] bool begins_chain(const ChainedLine& line) const {
    return line.seq == 1 && line.previous && is_beginning(*line.previous) && chain_.extends({}, line);
  }
  static bool is_beginning(const Digest& mac) { return mac.matches(Digest{}); }

  bool take_good(const ChainedLine& line, std::string_view text) {
    if (!pending_.empty()) {
      const bool explained = text.find("\"event\":\"audit_torn\"") != std::string_view::npos &&
                             text.find(internal::torn_detail(pending_)) != std::string_view::npos;
      if (!explained && pending_whole_) return refuse_pending();
      unfinished(pending_);
      pending_.clear();
    }
    if (verdict_.events++ == 0) verdict_.first_seq = line.seq;
    verdict_.end = {line.seq, line.mac};
    if (wish_.checkpoint && line.seq == wish_.checkpoint->seq && !line.mac.matches(wish_.checkpoint->mac))
      return refuse(
          "is not the event that the checkpoint names: the log was written anew from here or before");
    return true;
  }

  [[nodiscard]] std::string why_not(const ChainedLine& line) const {
    if (verdict_.events == 0) {
      return line.previous ? "is not what was written, or this is not the key that it was written with"
                           : "should be the first line of a file and does not name what was before it: lines "
                             "above it were cut";
    }
    const auto next = verdict_.end.seq + 1;
    if (line.seq == next) return concat("has been changed (event ", next, ")");
    if (line.seq > next) {
      return concat("is event ", line.seq, " where event ", next, " should be: ", line.seq - next,
                    line.seq - next == 1 ? " event is missing" : " events are missing");
    }
    return concat("is event ", line.seq, " again, or in the wrong place: event ", next, " should be here");
  }

  void unfinished(std::string_view text) {
    verdict_.notes.push_back(concat("line ", pending_line_, " of ", pending_file_, " is torn: a crash left ",
                                    text.size(), " bytes of an event that was never acknowledged"));
  }

  void judge_end() {
    const bool cut = wish_.checkpoint && wish_.checkpoint->seq > verdict_.end.seq;
    if (!cut) {
      verdict_.good = true;
      return;
    }
    ++verdict_.line;
    (void)refuse(concat("is missing: the log ends with event ", verdict_.end.seq,
                        ", and the checkpoint has seen event ", wish_.checkpoint->seq));
  }

  bool refuse_pending() {
    verdict_.file = pending_file_;
    verdict_.line = pending_line_;
    return refuse("is not a line of this log: it was changed, or put in");
  }
  bool refuse(std::string_view what) {
    verdict_.good = false;
    verdict_.what = what;
    return false;
  }

  const AuditWish& wish_;
  const AuditChain chain_;
  AuditVerdict verdict_;
  std::string pending_;  ///< a line that is none, until the next one explains it
  std::string pending_file_;
  std::uint64_t pending_line_ = 0;
  bool pending_whole_ = false;  ///< it ended with a newline
};

}  // namespace

Result<AuditVerdict> verify_audit(const AuditKey& key, const AuditWish& wish) {
  return Verifier(key, wish).run();
}

}  // namespace sallyport
