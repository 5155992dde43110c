// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/world.h"

#include <array>
#include <future>

namespace sallyport::testing_world {
namespace {

constexpr std::size_t kSweepSteps = 100'000;
constexpr std::size_t kWayBytes = std::size_t{1} << 20;  // what a test sends at once is shorter

ConnectionFacts facts_of(const SocketAddress& front, std::string_view peer, Tls tls) {
  ConnectionFacts facts;
  facts.local = front;
  facts.peer = *SocketAddress::parse(peer);
  facts.tls = tls;
  return facts;
}

SocketAddress front_of(Place place) {
  return *SocketAddress::parse(place == Place::network ? "192.0.2.1:7070" : "127.0.0.1:7070");
}

}  // namespace

void End::write(std::string_view text) {
  const IoResult written = stream_->try_write(text);
  EXPECT_EQ(written.state, IoState::done);
  EXPECT_EQ(written.bytes, text.size()) << "a test's message fits the way";
}

bool End::pull() {
  std::array<char, 16384> bytes;
  bool any = false;
  while (open()) {
    const IoResult read = stream_->try_read(bytes);
    if (read.state == IoState::would_block) break;
    any = true;
    if (read.state == IoState::done) {
      heard_.append(bytes.data(), read.bytes);
    } else {
      ended_ = true;
    }
  }
  return any;
}

bool Tool::work() {
  bool any = false;
  for (std::size_t i = 0; i < visits_.size();
       ++i) {  // a script may not add visits, the gateway may meanwhile
    Visit& visit = visits_[i];
    any = visit.end.pull() || any;
    if (visit.speaks == Visit::Speaks::websocket) continue;
    const std::string& heard = visit.end.heard();
    const auto head_end = heard.find("\r\n\r\n");
    if (head_end == std::string::npos || !visit.end.open()) continue;
    const std::string head = heard.substr(0, head_end + 2);
    const std::string length = value_in(head, "Content-Length");
    const std::size_t body_bytes = length.empty() ? 0 : std::stoul(length);
    if (heard.size() < head_end + 4 + body_bytes) continue;
    const std::string all = visit.end.take();
    heads.push_back(head);
    bodies.push_back(all.substr(head_end + 4, body_bytes));
    const Reply reply = script(heads.back(), bodies.back());
    if (reply.text.starts_with("HTTP/1.1 101")) visit.speaks = Visit::Speaks::websocket;
    if (!reply.text.empty()) visit.end.write(reply.text);
    if (reply.then == Reply::Then::close) visit.end.shut();
    any = true;
  }
  return any;
}

Tool::Reply Tool::answer_by_path(const std::string& head, const std::string&) {
  if (!value_in(head, "Upgrade").empty()) {
    return {
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        std::string(kWebSocketAccept) + "\r\n\r\n"};
  }
  if (head.find(" /events") != std::string::npos) {
    return {
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: "
        "1\n\n\r\n"};
  }
  return {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"};
}

World::World(WorldOptions options)
    : tokens(store, entropy, TokenPolicy{}),
      logins(store, entropy, options.logins),
      links(store, entropy),
      tickets(store, entropy),
      pool(std::make_unique<BlockingPool>(1)),  // one thread, so that jobs end in the order of their coming
      front(front_of(options.place)),
      place_(options.place) {
  host = front.str();
  origin = (place_ == Place::network ? "https://" : "http://") + host;
  settings.user = "alice";
  settings.listen.push_back(ListenAddress{front});
  if (options.settings) options.settings(settings);
  Principal self;
  self.id = settings.user;
  self.provider = "owner";
  self.roles = {"admin", "staff"};
  owner = std::make_shared<const Principal>(std::move(self));
  open_credentials();
  open_gate(options);
  open_side();
}

World::~World() {
  pool.reset();
  side->loop().drop_tasks();
}

void World::open_credentials() {
  files.files["/state/password"] = std::string(kPassword) + "\n";
  PasswordOptions password_options;
  password_options.file = "/state/password";
  password_options.owner = settings.user;
  const VariableLookup nothing = [](std::string_view) { return std::optional<std::string_view>(); };
  auto book = PasswordBook::open(files, entropy, nothing, password_options);
  EXPECT_TRUE(book.has_value());
  passwords = *std::move(book);
  files.files["/state/token"] = unminted(CredentialKind::access_token);
  access_token_file = std::make_unique<AccessTokenFile>(files, store, "/state/token", owner);
  EXPECT_TRUE(access_token_file->refresh(monotonic.now()).has_value());
  login_service = std::make_unique<LoginService>(
      LoginService::Parts{passwords.get(), logins, links, entropy, audit, fingerprinter});
}

void World::open_gate(const WorldOptions& options) {
  const BoundDoor door{front, place_ == Place::network ? Tls::on : Tls::off};
  const auto auth = plan_auth(settings);
  EXPECT_TRUE(auth.has_value());
  GateIdentity who;
  who.session = session;
  who.owner = owner;
  who.own_uid = kOwnUid;
  auto rules = rules_for(settings, *auth, door, who);
  EXPECT_TRUE(rules.has_value());
  GateParts parts{store, tickets, monotonic, audit};
  parts.lockout = options.lockout;
  parts.rate = options.rate;
  parts.permissions = options.permissions;
  gate = std::make_unique<Gate>(*std::move(rules), parts);
  traits_ = traits_of(settings, door);
  PageFrame frame;
  frame.name = session.str();
  own_pages = std::make_unique<OwnPages>(OwnPages::Parts{
      *login_service, tickets, *pool, monotonic, wall, frame, {}, LoginPage::UserField::hidden, nullptr});
}

void World::open_side() {
  const LoopSide::Powers powers{monotonic, wall, entropy, limiter_, ServerLimits{}};
  side = std::make_unique<LoopSide>(powers, [this](Loop& loop) -> std::unique_ptr<Dialer> {
    auto made = std::make_unique<MemoryNetwork>(loop);
    network = made.get();
    return made;
  });
  network->rules.capacity_bytes = kWayBytes;
  store.subscribe([this](const Grant& grant, Removal) {
    side->cut(std::make_shared<const std::vector<Digest>>(1, grant.digest), CutReason::revoked);
  });
  auto read_tail = [this](const Principal& who, const SessionId&, std::function<void(std::string)> done) {
    output_readers.push_back(who.id);
    if (output.empty()) return false;
    done(output);
    return true;
  };
  side->add_handler(std::make_unique<GuardHandler>(
      GuardHandler::Parts{*gate, *own_pages, side->routes(), directions, side->forwarder(), audit, traits_,
                          traits_, [this](const SessionId&) { ++demands; }, ForwardTimeouts{}, read_tail}));
  side->open_session(session, traffic, SessionRoute::Reached::by_origin);
  network->listen(front, [this](std::unique_ptr<Stream> stream) { side->serve_stream(std::move(stream)); });
  network->listen(tool_address, [this](std::unique_ptr<Stream> stream) { tool.accept(std::move(stream)); });
  SessionView view;
  view.id = session;
  view.preset = find_preset("generic");
  view.state = SessionState::ready;
  view.endpoint = tool_address;
  view.credential =
      std::make_shared<const BackendCredential>(CredentialForm::bearer, "", SecretText(kBackendSecret));
  view.activity = std::make_shared<Activity>();
  ready_view = std::make_shared<const SessionView>(view);
  side->adopt(ready_view);
  settle();
}

void World::settle() {
  do side->loop().run_until_idle();
  while (tool.work());
}

void World::settle_pool() {
  settle();
  std::promise<void> reached;
  auto mark = [](BlockingPool& with, Loop& loop, std::promise<void>& to) -> Task<void> {
    auto tell = [&to] {
      to.set_value();
      return 0;
    };
    (void)co_await with.run(loop, std::move(tell));
  };
  side->loop().spawn(mark(*pool, side->loop(), reached));
  reached.get_future().wait();
  settle();
}

void World::advance(Duration by) {
  constexpr Duration kStep = std::chrono::seconds(1);
  constexpr Duration kManySteps = std::chrono::minutes(10);
  const Duration step = by > kManySteps ? by : kStep;  // a long way is one leap, as after a machine's sleep
  for (; by > Duration::zero(); by -= std::min(by, step)) {
    monotonic.advance(std::min(by, step));
    settle();
  }
}

void World::housekeep() {
  while (store.sweep(monotonic.now(), kSweepSteps).round != SweepProgress::Round::complete) continue;
  (void)access_token_file->refresh(monotonic.now());
  passwords->refresh();
  for (const auto& name : passwords->take_changed()) logins.end_all(name);
  settle();
}

End World::connect(const ConnectionFacts& facts) { return End(network->connect(facts)); }

End World::begin(const Request& request, const ConnectionFacts& facts) {
  End end = connect(facts);
  end.write(request.text(host));
  settle();
  end.pull();
  return end;
}

Answer World::ask(const Request& request, const ConnectionFacts& facts) {
  End end = begin(request, facts);
  if (end.heard().empty()) {
    settle_pool();
    end.pull();
  }
  return Answer::read(end.heard());
}

ConnectionFacts World::stranger() const {
  if (place_ == Place::network) return facts_of(front, "198.51.100.7:40000", Tls::on);
  auto facts = facts_of(front, "127.0.0.1:40000", Tls::off);
  facts.process = PeerProcess{kForeignUid, 0};
  return facts;
}

ConnectionFacts World::owner_here() const {
  auto facts = facts_of(front, "127.0.0.1:40001", place_ == Place::network ? Tls::on : Tls::off);
  facts.process = PeerProcess{kOwnUid, 0};
  return facts;
}

void World::adopt(const std::function<void(SessionView&)>& change) {
  SessionView view = *ready_view;
  change(view);
  side->adopt(std::make_shared<const SessionView>(std::move(view)));
  settle();
}

std::string World::session_token() {
  const auto minted = tokens.create(session, owner, monotonic.now());
  EXPECT_TRUE(minted.has_value());
  return std::string(minted->text.expose());
}

std::string World::unminted(CredentialKind kind) {
  const Minted drawn = mint(kind, entropy);
  return std::string(drawn.text.expose());
}

std::string World::login_link() {
  const auto minted = links.mint({owner, std::chrono::minutes(10)}, monotonic.now());
  EXPECT_TRUE(minted.has_value());
  return std::string(kLinkPrefix) + std::string(minted->text.expose());
}

std::vector<Denial> World::take_denials() {
  std::vector<Denial> denials;
  for (const auto& event : audit.events()) {
    if (event.denial) denials.push_back(*event.denial);
  }
  audit.clear();
  return denials;
}

bool World::recorded(AuditKind kind, std::string_view detail) const {
  const auto events = audit.events();
  return std::any_of(events.begin(), events.end(),
                     [&](const auto& event) { return event.kind == kind && event.detail == detail; });
}

std::string World::audit_text() const {
  std::string all;
  for (const auto& event : audit.events()) all += event.line;
  return all;
}

Answer Browser::post(std::string_view target, const std::vector<std::pair<std::string, std::string>>& form) {
  std::string body;
  for (const auto& [name, value] : form) {
    if (!body.empty()) body += '&';
    body += form_encode(name) + '=' + form_encode(value);
  }
  return send(Request::post(target, "application/x-www-form-urlencoded", body)
                  .with("Origin", world_.origin)
                  .with("Sec-Fetch-Site", "same-origin")
                  .navigating());
}

Answer Browser::send(const Request& request) {
  const std::string line = cookie_line();
  const Answer answer = world_.ask(line.empty() ? request : request.with("Cookie", line));
  keep(answer);
  return answer;
}

End Browser::begin(const Request& request) { return world_.begin(request.with("Cookie", cookie_line())); }

Answer Browser::log_in(std::string_view password, std::string_view next) {
  const Answer page = get("/.sallyport/login?next=" + form_encode(next));
  const std::string csrf = csrf_in(page);
  return post("/.sallyport/login",
              {{"csrf", csrf}, {"next", std::string(next)}, {"password", std::string(password)}});
}

std::string Browser::cookie_line() const {
  std::string line;
  for (const auto& [name, value] : cookies) line += (line.empty() ? "" : "; ") + name + "=" + value;
  return line;
}

std::string Browser::login_cookie() const {
  for (const auto& [name, value] : cookies) {
    if (value.starts_with("spc_")) return value;
  }
  return {};
}

void Browser::keep(const Answer& answer) {
  for (const auto& text : answer.all("Set-Cookie")) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(equals + 1, text.find(';') - equals - 1);
    std::erase_if(cookies, [&](const auto& cookie) { return cookie.first == name; });
    if (lowered(text).find("max-age=0") == std::string::npos) cookies.emplace_back(name, value);
  }
}

}  // namespace sallyport::testing_world
