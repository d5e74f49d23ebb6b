import Base

/// One key of the configuration file: its place, type, default and meaning. The table of all of them is the only place that knows
/// a default; reading a file, the start-up warnings and `docs/configuration.md` all come from it.
struct ConfigurationKey: Sendable {
    enum Status: Equatable, Sendable {
        case works
        /// Read and checked, but nothing acts on it yet. The text says what that means for the operator.
        case later(String)
        /// Known from the files of MCP clients and without meaning here.
        case clientOnly
    }

    /// Names joined by dots; `*` stands for any one name.
    let path: String
    /// `path`, cut at the dots.
    let components: [String]
    let kind: SettingKind
    /// As it would be written, without quotes. Nil: nothing, or described in `meaning`.
    let fallback: String?
    let status: Status
    let meaning: String

    init(_ path: String, _ kind: SettingKind, _ fallback: String?, _ meaning: String, _ status: Status = .works) {
        self.path = path
        self.components = Settings.split(path)
        self.kind = kind
        self.fallback = fallback
        self.status = status
        self.meaning = meaning
    }
}

extension ConfigurationKey {
    static let all: [ConfigurationKey] =
        listening + servers + workers + authentication + groups + connections + messages + sessions + browsers + operation

    /// What a profile sets differently. Everything not named here is the same in all profiles.
    static let profiles: [(profile: Profile, path: String, value: String)] = [
        (.development, "log.level", "debug"),
        (.development, "log.format", "text"),
        (.development, "drain.deadline", "3s"),
        (.development, "restart.delayMax", "2s"),
        (.staging, "log.level", "debug"),
    ]

    /// Pairs of which the first must not exceed the second. Where the first is not written, its default is lowered to the second,
    /// so that lowering one key never asks for another. No default is ever raised: that would take a limit away unasked.
    static let ordered: [(lower: String, upper: String)] = [
        ("limits.bodyIdleTimeout", "limits.bodyTimeout"), ("auth.penaltyEnforced", "auth.penaltyMax"),
        ("restart.delayMin", "restart.delayMax"), ("restart.open", "restart.openMax"), ("drain.hurried", "drain.deadline"),
        ("limits.requestLine", "limits.head"), ("limits.field", "limits.head"),
        ("limits.unauthenticated", "limits.unauthenticatedMax"),
    ]

    /// The default of a key under a profile.
    static func fallback(of path: String, under profile: Profile) -> String? {
        if let changed = Self.profiles.first(where: { $0.profile == profile && $0.path == path }) { return changed.value }
        return Self.all.first { $0.path == path }?.fallback
    }
}

// Ranges that many keys share.
private let count = SettingKind.integer(1...1_000_000)
private let time = SettingKind.duration(.milliseconds(1) ... .hours(24 * 30))
private let size = SettingKind.size(1...(1 << 30))

extension ConfigurationKey {
    private static let notIsolated = "workers run without a sandbox of their own, under the supervisor's user"
    private static let noGroups = "all callers form one group, and nothing below this key is enforced"

    private static let listening: [Self] = [
        Self("$schema", .string, nil, "For editors; not read.", .clientOnly),
        Self(
            "listen", .strings, "127.0.0.1:8000, [::1]:8000",
            """
            Where to accept connections: `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000` (both), `unix:/path`, `fd:NAME` \
            for a socket that systemd opened.
            """),
        Self(
            "hosts", .strings, "auto",
            "Values of the `Host` field that are answered, with or without `:port`. `auto` stands for the listeners' own names."),
        Self(
            "trustedProxies", .strings, nil,
            "Networks whose `X-Forwarded-*` fields are believed.",
            .later("no forwarded field is believed, so callers are told apart by the proxy's address")),
        Self(
            "tls.certificate", .string, nil,
            "PEM file of the certificate chain.", .later("connections are not encrypted; put a TLS proxy in front")),
        Self(
            "tls.key", .string, nil,
            "PEM file of the private key.", .later("connections are not encrypted; put a TLS proxy in front")),
        Self("defaultServer", .string, nil, "Which server answers at `/mcp`. Default: the first one."),
    ]

    private static let servers: [Self] = [
        Self(
            "mcpServers.*.builtin", .choice(["sql", "documents"]), nil,
            "A server that comes with the supervisor, instead of `command`."),
        Self(
            "mcpServers.*.databases.*", .string, nil,
            "For `sql`: `sqlite:///absolute/path`, or `sample:` for the sample that is made in the state directory."),
        Self(
            "mcpServers.*.store", .string, nil,
            "For `documents`: where the documents are kept.", .later("the server is left out")),
        Self(
            "mcpServers.*.command", .string, nil,
            "The program of a server that speaks MCP over stdio: an absolute path or a name in PATH."),
        Self("mcpServers.*.args", .strings, nil, "Its arguments."),
        Self(
            "mcpServers.*.env.*", .string, nil,
            "Its environment, besides PATH, HOME, LANG, LC_ALL, TZ, TMPDIR, USER and LOGNAME, which are passed on."),
        Self("mcpServers.*.cwd", .string, nil, "Its working directory, absolute."),
        Self(
            "mcpServers.*.type", .choice(["stdio"]), "stdio",
            "As MCP clients write it; only `stdio` can be put behind the supervisor."),
        Self("mcpServers.*.disabled", .boolean, "false", "Leave this server out."),
        Self("mcpServers.*.description", .string, nil, "For people.", .clientOnly),
        Self("mcpServers.*.autoApprove", .strings, nil, "A setting of MCP clients.", .clientOnly),
        Self("mcpServers.*.alwaysAllow", .strings, nil, "A setting of MCP clients.", .clientOnly),
        Self(
            "mcpServers.*.isolation", .choice(["strict", "moderate", "relaxed"]), "moderate",
            "How far workers are kept apart.", .later(notIsolated)),
        Self(
            "mcpServers.*.era", .choice(["auto", "legacy", "modern"]), "auto",
            """
            How it is spoken to: `legacy` begins with `initialize`, `modern` is 2026-07-28. `auto`: it is asked, in a process that \
            serves nobody, and the answer is kept in the state directory.
            """),
        Self(
            "mcpServers.*.stateless", .boolean, nil,
            """
            Whether a new worker may take over from one that died. `false`: the sessions of clients end with their worker, and \
            nothing is repeated. Not written: sessions go on.
            """),
        Self("mcpServers.*.limits.memory", size, nil, "Memory of a worker.", .later(notIsolated)),
        Self(
            "mcpServers.*.limits.cpu", .percent(1...6400), nil,
            "Processor time of a worker; 100% is one processor.", .later(notIsolated)),
        Self("mcpServers.*.limits.pids", count, nil, "Processes and threads of a worker.", .later(notIsolated)),
        Self("mcpServers.*.limits.files", count, nil, "Open files of a worker.", .later(notIsolated)),
        Self(
            "mcpServers.*.limits.writable", .strings, nil,
            "Directories that a worker may write to.", .later(notIsolated)),
        Self(
            "mcpServers.*.limits.network", .boolean, nil,
            "Whether a worker may use the network.", .later(notIsolated)),
    ]

    private static let workers: [Self] = [
        Self(
            "mcpServers.*.workers.max", count, "1",
            "Workers of this server at most.", .later("each server has one worker")),
        Self(
            "mcpServers.*.workers.warm", .integer(0...1_000), "1",
            "Workers kept ready without a caller.", .later("the one worker is started with the supervisor")),
        Self(
            "mcpServers.*.workers.idleTimeout", time, "10m",
            "When a worker without calls is stopped.", .later("workers stay until the supervisor stops")),
        Self(
            "mcpServers.*.workers.concurrency", .integer(1...10_000), "64",
            "Calls that one worker has at the same time."),
        Self(
            "mcpServers.*.workers.queue", .integer(0...1_000_000), "1024",
            "Calls that wait for a free place; the next one is answered 503 with `Retry-After`."),
        Self(
            "mcpServers.*.workers.queueBytes", size, "64M",
            "Bytes of all calls that wait or are being written to one worker; the next one is answered 503 with `Retry-After`."),
        Self(
            "mcpServers.*.workers.startTimeout", time, "30s",
            "From spawn to the end of the handshake; then the worker is killed."),
        Self(
            "mcpServers.*.workers.callTimeout", time, "5m",
            "From dispatch to answer; then the call is cancelled and answered with an error."),
    ]

    private static let authentication: [Self] = [
        Self(
            "auth.required", .automatic, "auto",
            "`auto`: off on loopback and Unix sockets, on elsewhere. `false` is refused while a listener is not local."),
        Self(
            "auth.keys", .string, nil,
            "`file:/absolute/path` of the key file. The variable AUTH_TOKENS adds keys to it."),
        Self("auth.penalty", time, "5s", "What one failed authentication adds to the penalty of its source."),
        Self(
            "auth.penaltyEnforced", time, "15s",
            "From this much penalty on, a source is refused until it has run down."),
        Self("auth.penaltyMax", time, "10m", "No source has more penalty."),
        Self(
            "auth.penaltySources", .integer(1...1_048_576), "65536",
            "Sources remembered at once; the one nearest to forgiveness makes room."),
        Self("auth.jwt.issuer", .string, nil, "Issuer of accepted tokens.", .later("no JWT is accepted")),
        Self("auth.jwt.audience", .string, nil, "Audience of accepted tokens.", .later("no JWT is accepted")),
        Self("auth.jwt.jwks", .string, "auto", "Where the issuer's keys are.", .later("no JWT is accepted")),
        Self(
            "auth.jwt.groupClaim", .string, nil,
            "The claim that names the caller's group.", .later("no JWT is accepted")),
    ]

    private static let groups: [Self] = [
        Self("groups.*.weight", .integer(1...1_000), "1", "Share under `weighted_fair`.", .later(noGroups)),
        Self("groups.*.priority", .integer(0...100), "0", "Rank under `priority`.", .later(noGroups)),
        Self("groups.*.allow.servers", .strings, nil, "Servers that the group may use.", .later(noGroups)),
        Self("groups.*.allow.tools", .strings, nil, "Tools that the group may call.", .later(noGroups)),
        Self("groups.*.allow.resources", .strings, nil, "Resources that the group may read.", .later(noGroups)),
        Self("groups.*.allow.databases", .strings, nil, "Databases that the group may use.", .later(noGroups)),
        Self("groups.*.allow.schemas", .strings, nil, "Schemas that the group may use.", .later(noGroups)),
        Self("groups.*.limits.requestsPerMinute", count, nil, "Calls per minute.", .later(noGroups)),
        Self("groups.*.limits.burst", count, nil, "Calls at once after a pause.", .later(noGroups)),
        Self("groups.*.limits.concurrent", count, nil, "Calls at the same time.", .later(noGroups)),
        Self("groups.*.limits.queue", count, nil, "Calls that wait.", .later(noGroups)),
        Self("groups.*.limits.sessions", count, nil, "Sessions.", .later(noGroups)),
        Self(
            "scheduling.strategy", .choice(["fair_share", "weighted_fair", "priority", "round_robin"]), "fair_share",
            "Whose call is next when callers compete.", .later("calls are served in the order of arrival")),
    ]
}
