// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/durable_store.h"

#include <utility>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/durable/internal/facts.h"
#include "sallyport/durable/internal/record_codec.h"
#include "sallyport/durable/internal/schema.h"
#include "sallyport/durable/internal/store_files.h"
#include "sallyport/durable/internal/write_queue.h"

namespace sallyport {
namespace {

using internal::Database;
using internal::Presence;
using internal::Statement;
using internal::Thoroughness;

constexpr std::string_view kSessions = "sessions";
constexpr std::string_view kAccessTokens = "access_tokens";

template <class Record>
using Decode = Result<Record> (*)(const SecretText&);

/// read_rows unseals every row of a table (id, sealed) and hands it on.
template <class Record>
Result<std::vector<Record>> read_rows(Database& database, const SealKey& key, std::string_view table,
                                      Decode<Record> decode) {
  std::vector<Record> all;
  SALLYPORT_TRY(statement, database.prepare(concat("SELECT id, sealed FROM ", table)));
  for (;;) {
    SALLYPORT_TRY(step, statement.step());
    if (step == Statement::Step::done) return all;
    const std::string id(statement.text(0));
    SALLYPORT_TRY(plain, internal::unseal_for(key, table, id, statement.text(1)));
    auto record = decode(plain);
    if (!record) {
      return fail(Code::internal, concat("the row ", escaped(id, 70), " of ", table, " in ", database.path(),
                                         " cannot be read: ", record.error().what));
    }
    all.push_back(*std::move(record));
  }
}

Result<Database> open_to_write(const StorePlace& place) {
  SALLYPORT_TRY(database,
                Database::open(internal::database_path(place), Database::Access::write, place.lock_wait));
  SALLYPORT_CHECK(internal::judge_schema(database));
  SALLYPORT_TRY(mode, database.ask_text("PRAGMA journal_mode=WAL"));
  if (mode != "wal") {
    return fail(
        Code::unavailable,
        concat(database.path(), " cannot be used with a write-ahead log; is that a local file system?"));
  }
  SALLYPORT_CHECK(database.run("PRAGMA synchronous=FULL"));
  SALLYPORT_CHECK(database.run("PRAGMA secure_delete=ON"));
  SALLYPORT_CHECK(database.run("PRAGMA trusted_schema=OFF"));
  SALLYPORT_CHECK(database.run(concat("PRAGMA max_page_count=", place.pages_max)));
  SALLYPORT_CHECK(internal::verify(database, Thoroughness::quick));
  SALLYPORT_CHECK(internal::migrate(database));
  return database;
}

/// prove_writable: a store that is locked or has no room shows now, and not at the first revocation.
Status prove_writable(Database& database, WallTime now) {
  SALLYPORT_CHECK(database.run("BEGIN IMMEDIATE"));
  SALLYPORT_CHECK(internal::note_time(database, now));
  return database.run("COMMIT");
}

}  // namespace

class DurableStore::Core {
 public:
  Core(Descriptor lock, SealKey key, WallTime latest, Database database, Entropy& entropy, const Clock& clock)
      : latest_time(latest),
        lock_(std::move(lock)),
        key_(std::move(key)),
        entropy_(entropy),
        queue_(std::move(database), clock) {}

  Status put_session(const SessionRecord& record) {
    SALLYPORT_TRY(sealed, sealed_row(kSessions, record.id.view(), internal::encode(record)));
    return queue_.run([&](Database& database) -> Status {
      SALLYPORT_TRY(statement, database.prepare("INSERT OR REPLACE INTO sessions VALUES (?1, ?2)"));
      return statement.bind(1, record.id.view()).bind_bytes(2, sealed).run();
    });
  }

  Status put_access_token(const AccessTokenRecord& record) {
    SALLYPORT_TRY(sealed, sealed_row(kAccessTokens, record.id, internal::encode(record)));
    const std::string_view digest(reinterpret_cast<const char*>(record.digest.bytes.data()),
                                  record.digest.bytes.size());
    return queue_.run([&](Database& database) -> Status {
      SALLYPORT_TRY(statement, database.prepare("INSERT OR REPLACE INTO access_tokens VALUES (?1, ?2, ?3)"));
      return statement.bind(1, record.id).bind_bytes(2, digest).bind_bytes(3, sealed).run();
    });
  }

  Status remove(std::string_view table, std::string_view id) {
    return queue_.run([&](Database& database) -> Status {
      SALLYPORT_TRY(statement, database.prepare(concat("DELETE FROM ", table, " WHERE id = ?1")));
      return statement.bind(1, id).run();
    });
  }

  template <class Record>
  Result<std::vector<Record>> read(std::string_view table, Decode<Record> decode) {
    std::vector<Record> all;
    SALLYPORT_CHECK(queue_.run([&](Database& database) -> Status {
      SALLYPORT_TRY(found, read_rows<Record>(database, key_, table, decode));
      all = std::move(found);
      return ok();
    }));
    return all;
  }

  const WallTime latest_time;

 private:
  Result<std::string> sealed_row(std::string_view table, std::string_view id, const SecretText& plain) {
    return internal::seal_for(key_, entropy_, table, id, plain);
  }

  Descriptor lock_;  ///< let go when all is written
  SealKey key_;
  Entropy& entropy_;
  internal::WriteQueue queue_;
};

class DurableStore::Sessions final : public SessionRecords {
 public:
  explicit Sessions(Core& core) : core_(core) {}
  Status put(const SessionRecord& record) override { return core_.put_session(record); }
  Status remove(const SessionId& id) override { return core_.remove(kSessions, id.view()); }
  Result<std::vector<SessionRecord>> load_all() override {
    return core_.read<SessionRecord>(kSessions, internal::decode_session);
  }

 private:
  Core& core_;
};

class DurableStore::AccessTokens final : public AccessTokenRecords {
 public:
  explicit AccessTokens(Core& core) : core_(core) {}
  Status put(const AccessTokenRecord& record) override { return core_.put_access_token(record); }
  Status remove(const std::string& id) override { return core_.remove(kAccessTokens, id); }
  Result<std::vector<AccessTokenRecord>> load_all() override {
    return core_.read<AccessTokenRecord>(kAccessTokens, internal::decode_access_token);
  }

 private:
  Core& core_;
};

DurableStore::DurableStore(std::unique_ptr<Core> core)
    : core_(std::move(core)),
      sessions_(std::make_unique<Sessions>(*core_)),
      access_tokens_(std::make_unique<AccessTokens>(*core_)) {}

DurableStore::~DurableStore() = default;

Result<std::unique_ptr<DurableStore>> DurableStore::open(const StorePlace& place, Files& files,
                                                         Entropy& entropy, const Clock& clock) {
  SALLYPORT_CHECK(files.ensure_private_directory(place.state_directory));
  SALLYPORT_TRY(lock, internal::lock_store(place));
  const std::string path = internal::database_path(place);
  SALLYPORT_TRY(presence, internal::look_for_database(path));
  const bool fresh = presence == Presence::absent;
  SALLYPORT_TRY(
      key, fresh ? internal::make_seal_key(place, files, entropy) : internal::find_seal_key(place, files));
  if (fresh) SALLYPORT_CHECK(internal::create_database(path, key.key, entropy));
  SALLYPORT_TRY(database, open_to_write(place));
  SALLYPORT_CHECK(internal::judge_seal_key(database, key.key, key.from));
  SALLYPORT_TRY(latest, internal::latest_time(database));
  SALLYPORT_CHECK(prove_writable(database, clock.now()));
  auto core = std::make_unique<Core>(std::move(lock), std::move(key.key), latest, std::move(database),
                                     entropy, clock);
  return std::unique_ptr<DurableStore>(new DurableStore(std::move(core)));
}

SessionRecords& DurableStore::sessions() noexcept { return *sessions_; }
AccessTokenRecords& DurableStore::access_tokens() noexcept { return *access_tokens_; }
WallTime DurableStore::latest_time() const noexcept { return core_->latest_time; }

Result<StoreReport> check_store(const StorePlace& place, Files& files) {
  const std::string path = internal::database_path(place);
  SALLYPORT_TRY(presence, internal::look_for_database(path));
  if (presence == Presence::absent) return fail(Code::not_found, concat("there is no ", path));
  SALLYPORT_TRY(key, internal::find_seal_key(place, files));
  SALLYPORT_TRY(database, Database::open(path, Database::Access::read, place.lock_wait));
  SALLYPORT_CHECK(internal::judge_schema(database));
  SALLYPORT_CHECK(internal::verify(database, Thoroughness::full));
  SALLYPORT_CHECK(internal::judge_seal_key(database, key.key, key.from));
  StoreReport report;
  SALLYPORT_TRY(schema, database.ask_number("PRAGMA user_version"));
  report.schema = schema;
  SALLYPORT_TRY(sessions, read_rows<SessionRecord>(database, key.key, kSessions, internal::decode_session));
  report.sessions = sessions.size();
  SALLYPORT_TRY(
      tokens, read_rows<AccessTokenRecord>(database, key.key, kAccessTokens, internal::decode_access_token));
  report.access_tokens = tokens.size();
  return report;
}

}  // namespace sallyport
