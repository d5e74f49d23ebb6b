import Base
import MCP
import Testing

@testable import SupervisorCore

/// Shorthands for the tests of the loader.
enum Loading {
    static func load(
        _ file: String? = nil, _ options: RunOptions = RunOptions(), _ environment: [String: String] = [:]
    ) -> ConfigurationLoader.Outcome {
        let variables = environment.keys.sorted().map { EnvironmentVariable(name: $0, value: environment[$0] ?? "") }
        return ConfigurationLoader.load(
            .init(file: file.map { [UInt8]($0.utf8) }, options: options, environment: variables))
    }

    static func errors(_ outcome: ConfigurationLoader.Outcome) -> [String] {
        outcome.findings.filter { $0.severity == .error }.map(\.description)
    }

    static func warnings(_ outcome: ConfigurationLoader.Outcome) -> [String] {
        outcome.findings.filter { $0.severity == .warning }.map(\.description)
    }

    static func options(_ change: (inout RunOptions) -> Void) -> RunOptions {
        var options = RunOptions()
        change(&options)
        return options
    }
}

@Suite struct ConfigurationLoaderTests {
    @Test func `without anything the sample is served on both loopback addresses`() throws {
        let outcome = Loading.load()
        let configuration = try #require(outcome.configuration)
        #expect(outcome.findings.isEmpty)
        #expect(configuration == Configuration.standard)
        #expect(configuration.profile == .production)
        #expect(configuration.listeners == [.tcp(.loopbackV4, port: 8000), .tcp(.loopbackV6, port: 8000)])
        #expect(configuration.servers.map(\.name) == ["data"])
        #expect(configuration.servers[0].kind == .sql([DatabaseConfiguration(name: "sample", source: .sample)]))
        #expect(configuration.authentication.requirement == .auto)
        #expect(configuration.directories.state == ["/var/lib/mcp-supervisor"])
    }

    @Test func `the documented defaults hold`() {
        let limits = Configuration.standard.limits
        #expect(limits.connections == 20_000)
        #expect(limits.sessions == 10_000)
        #expect(limits.bodyBytesMax == 4 << 20)
        #expect(limits.lineBytesMax == 64 << 20)
        #expect(limits.headerTimeout == .seconds(10))
        #expect(limits.bodyTimeout == .seconds(30))
        #expect(limits.idleTimeout == .seconds(75))
        #expect(limits.sessionIdle == .minutes(30))
        #expect(limits.streamBytesMax == 256 << 10)
        #expect(limits.headBytesMax == 16 << 10)
        #expect(Configuration.standard.servers[0].workers.concurrency == 64)
        #expect(Configuration.standard.drain.deadline == .seconds(20))
        #expect(Configuration.standard.restart.deathsMax == 5)
        #expect(Configuration.standard.spawn == SpawnLimits(perSecond: 20, burst: 40))
    }

    @Test func `every key of the interface is accepted, later ones with a warning`() throws {
        let outcome = Loading.load(Self.whole)
        #expect(Loading.errors(outcome) == [])
        let configuration = try #require(outcome.configuration)
        #expect(configuration.servers.map(\.name) == ["data", "git"])
        #expect(
            configuration.servers[0].kind
                == .sql([DatabaseConfiguration(name: "sample", source: .sqlite(path: "/var/lib/mcp-supervisor/sample.db"))]))
        #expect(
            configuration.servers[1].kind
                == .command(
                    CommandSpecification(
                        command: "mcp-server-git", arguments: ["--repository", "/srv/repo"],
                        environment: [EnvironmentVariable(name: "LANG", value: "C.UTF-8")], directory: "/srv")))
        #expect(configuration.servers[1].workers.concurrency == 16)
        #expect(configuration.servers[1].workers.callTimeout == .minutes(5))
        #expect(configuration.authentication.keyFile == "/etc/mcp-supervisor/keys.json")
        let warned = Set(outcome.findings.map(\.path))
        for path in [
            "mcpServers.data.databases.shop", "mcpServers.notes.store", "mcpServers.notes.builtin", "mcpServers.git.isolation",
            "mcpServers.git.limits.memory", "mcpServers.git.limits.cpu", "mcpServers.git.workers.max", "auth.jwt.issuer",
            "groups.analytics.weight", "groups.analytics.allow.tools", "groups.analytics.limits.burst", "scheduling.strategy",
            "limits.requestsPerMinute", "trustedProxies", "tls.certificate", "log.directory", "log.rotate.size",
        ] {
            #expect(warned.contains(path), "\(path)")
        }
        for path in ["limits.connections", "drain.deadline", "restart.window", "cors.origins", "hosts", "defaultServer"] {
            #expect(!warned.contains(path), "\(path)")
        }
    }

    @Test(arguments: [
        (
            #"{"mcpServers":{"git":{"command":"x","limits":{"memroy":"1M"}}}}"#,
            "mcpServers.git.limits.memroy: unknown key; did you mean memory?"
        ),
        (#"{"lisen":[]}"#, "lisen: unknown key; did you mean listen?"),
        (
            #"{"drain":{"deadline":"20s","zzzzzzzz":1}}"#,
            "drain.zzzzzzzz: unknown key; known here: deadline, hurried, workerGrace"
        ),
        (
            #"{"mcpServers":{"far":{"url":"https://x"}}}"#,
            "mcpServers.far.url: unknown key; only servers that a command starts can be put behind the supervisor"
        ),
        (#"{"mcpServers":{"a.b":{"comand":"x"}}}"#, "mcpServers.a.b.comand: unknown key; did you mean command?"),
    ])
    func `an unknown key is refused with its path`(file: String, error: String) {
        let outcome = Loading.load(file)
        #expect(Loading.errors(outcome).contains(error))
        #expect(outcome.configuration == nil)
    }

    @Test(arguments: [
        (#"{"limits":{"body":"4X"}}"#, "limits.body: must be a size from 1K to 256M"),
        (#"{"limits":{"body":"1"}}"#, "limits.body: out of range, must be a size from 1K to 256M"),
        (#"{"limits":{"headerTimeout":10}}"#, "limits.headerTimeout: needs a unit, must be a time from 1ms to 30d"),
        (#"{"limits":{"connections":"many"}}"#, "limits.connections: must be a number from 1 to 1000000"),
        (#"{"limits":{"connections":1.5}}"#, "limits.connections: must be a number from 1 to 1000000"),
        (#"{"limits":{"connections":-1}}"#, "limits.connections: must be a number from 1 to 1000000"),
        (#"{"limits":{"sessions":99999999999999999999}}"#, "limits.sessions: must be a number from 1 to 1000000"),
        (#"{"limits":[]}"#, "limits: must be an object { … }"),
        (#"{"cors":{"credentials":"yes"}}"#, "cors.credentials: must be true or false"),
        (#"{"auth":{"required":"maybe"}}"#, "auth.required: must be \"auto\", true or false"),
        (#"{"log":{"level":"loud"}}"#, "log.level: must be one of debug, info, notice, warning, error"),
        (#"{"listen":"127.0.0.1:8000"}"#, "listen: must be a list of strings"),
        (#"{"listen":[]}"#, "listen: needs at least one address"),
        (#"{"listen":["127.0.0.1:1","127.0.0.1:1"]}"#, "listen: 127.0.0.1:1 is named twice"),
        (#"{"listen":["example.com:80"]}"#, "listen: example.com:80: host names are not resolved here"),
        (#"{"mcpServers":{"":{"command":"x"}}}"#, "mcpServers.: the name has 1 to 64 characters"),
        (#"{"mcpServers":{"a/b":{"command":"x"}}}"#, "mcpServers.a/b: the name has 1 to 64 characters"),
        (#"{"mcpServers":{"a":{}}}"#, "mcpServers.a: needs either command or builtin"),
        (#"{"mcpServers":{"a":{"command":"x","builtin":"sql"}}}"#, "mcpServers.a: has both command and builtin"),
        (#"{"mcpServers":{"a":{"command":"./x"}}}"#, "mcpServers.a.command: must be an absolute path"),
        (#"{"mcpServers":{"a":{"command":"x","cwd":"y"}}}"#, "mcpServers.a.cwd: must be an absolute path"),
        (#"{"mcpServers":{"a":{"command":"x","env":{"A=B":"c"}}}}"#, "mcpServers.a.env.A=B: is no name of a variable"),
        (#"{"mcpServers":{"a":{"command":"x\u0000"}}}"#, "mcpServers.a.command: holds a NUL character"),
        (#"{"mcpServers":{"a":{"builtin":"sql"}}}"#, "mcpServers.a.databases: needs at least one database"),
        (
            #"{"mcpServers":{"a":{"builtin":"sql","databases":{"b":"sqlite://x"}}}}"#,
            "mcpServers.a.databases.b: must be sqlite://"
        ),
        (#"{"mcpServers":{"a":{"builtin":"sql","databases":{"b":"sqlite:///x?y"}}}}"#, "mcpServers.a.databases.b: the path"),
        (
            #"{"mcpServers":{"a":{"builtin":"sql","databases":{"b":"sample:"},"args":[]}}}"#,
            "mcpServers.a.args: only a server with a command has it"
        ),
        (#"{"mcpServers":{"a":{"builtin":"documents"}}}"#, "mcpServers: none of the servers can be run by this version"),
        (#"{"mcpServers":{"a":{"command":"x"}},"defaultServer":"b"}"#, "defaultServer: no server is called b; did you mean a?"),
        (
            #"{"mcpServers":{"a":{"command":"x"},"b":{"command":"x","disabled":true}},"defaultServer":"b"}"#,
            "defaultServer: b is disabled"
        ),
        (#"{"auth":{"keys":"/etc/keys"}}"#, "auth.keys: must be file: and an absolute path"),
        (#"{"hosts":["https://a.example"]}"#, "hosts: https://a.example: must be auto, or a name"),
        (#"{"hosts":["*.example.com"]}"#, "hosts: *.example.com: must be auto, or a name"),
        (#"{"cors":{"origins":["*"]}}"#, "cors.origins: * would let any web page in; name each origin"),
        (#"{"cors":{"origins":["null"]}}"#, "cors.origins: null would let any web page in; name each origin"),
        (#"{"cors":{"origins":["https://a.example/"]}}"#, "cors.origins: https://a.example/: must be http or https"),
        (#"{"cors":{"origins":["https://a.example:443"]}}"#, "cors.origins: https://a.example:443: must be http or https"),
        (#"{"limits":{"field":"32K"}}"#, "limits.field: limits.field must not be larger than limits.head"),
        (#"{"drain":{"hurried":"21s"}}"#, "drain.hurried: drain.hurried must not be longer than drain.deadline"),
        (
            #"{"limits":{"unauthenticated":101}}"#,
            "limits.unauthenticated: limits.unauthenticated must not be larger than limits.unauthenticatedMax"
        ),
        ("[]", "configuration: must be an object { … }"),
        ("{", "configuration: line 1, column 2: the text ends inside a value"),
        (#"{"log":{"level":"info"},"log":{}}"#, "configuration: line 1, column"),
    ])
    func `a wrong value is refused with its path and what would be right`(file: String, error: String) {
        let outcome = Loading.load(file)
        #expect(Loading.errors(outcome).contains { $0.hasPrefix(error) }, "\(Loading.errors(outcome))")
        #expect(outcome.configuration == nil)
    }

    @Test func `a default gives way to the key that bounds it`() throws {
        let lowered = Loading.load(
            #"{"drain":{"deadline":"1s"},"limits":{"bodyTimeout":"9s","head":"2K","unauthenticatedMax":3},"restart":{"openMax":"1s"}}"#
        )
        let configuration = try #require(lowered.configuration, "\(lowered.findings)")
        #expect(configuration.drain.hurriedDeadline == .seconds(1) && configuration.limits.bodyIdleTimeout == .seconds(9))
        #expect(configuration.limits.fieldBytesMax == 2_048 && configuration.limits.requestLineBytesMax == 2_048)
        #expect(configuration.limits.newcomers.start == 3 && configuration.restart.openMin == .seconds(1))
        let raised = try #require(Loading.load(#"{"drain":{"deadline":"1m"}}"#).configuration)
        #expect(raised.drain.hurriedDeadline == .seconds(2), "but is never raised")
    }

    @Test func `whether the number of connections was chosen is known`() throws {
        #expect(try #require(Loading.load("{}").configuration).limits.areConnectionsConfigured == false)
        #expect(try #require(Loading.load(#"{"limits":{"connections":20000}}"#).configuration).limits.areConnectionsConfigured)
    }

    @Test func `all findings are reported at once, errors first`() {
        let outcome = Loading.load(
            #"{"log":{"level":"x","directory":"/l"},"listen":["a"],"mcpServers":{"a":{}},"drain":{"deadline":5},"nope":1}"#)
        let errors = outcome.findings.filter { $0.severity == .error }
        #expect(errors.map(\.path) == ["log.level", "drain.deadline", "nope", "listen", "mcpServers.a"])
        #expect(outcome.findings.map(\.path).last == "log.directory")
    }

    @Test func `a flood of findings is cut short`() {
        let keys = (0..<500).map { #""x\#($0)":1"# }.joined(separator: ",")
        let outcome = Loading.load("{\(keys)}")
        #expect(Loading.errors(outcome).count == 100)
        #expect(outcome.findings.last?.reason == "400 more findings are not shown")
    }

    @Test func `comments and trailing commas are allowed`() {
        let outcome = Loading.load(
            "{ // a\n \"log\": { \"level\": \"error\", }, /* b */ \"mcpServers\": {\"a\": {\"command\": \"x\",},}, }")
        #expect(outcome.findings.isEmpty)
        #expect(outcome.configuration?.log.level == .error)
    }

    @Test func `a file without servers serves the sample and says so`() {
        let outcome = Loading.load("{}")
        #expect(
            Loading.warnings(outcome) == [
                "mcpServers: no server is named, so the built-in one over the sample database is served"
            ])
        #expect(outcome.configuration?.servers == Configuration.standard.servers)
    }

    @Test func `a file that is too large is not read`() {
        let outcome = Loading.load(String(repeating: " ", count: (1 << 20) + 1))
        #expect(Loading.errors(outcome) == ["configuration: the file is larger than 1M"])
    }

    @Test func `a disabled server is left out`() {
        let outcome = Loading.load(#"{"mcpServers":{"a":{"command":"x","disabled":true,"type":"stdio"},"b":{"command":"y"}}}"#)
        #expect(outcome.findings.isEmpty)
        #expect(outcome.configuration?.servers.map(\.name) == ["b"])
    }

    private static let whole = """
        {
          "$schema": "https://example.com/schema.json",
          "listen": ["127.0.0.1:8000"],
          "mcpServers": {
            "data": { "builtin": "sql",
                      "databases": { "sample": "sqlite:///var/lib/mcp-supervisor/sample.db", "shop": "postgresql://app@/shop" } },
            "notes": { "builtin": "documents", "store": "sqlite:///var/lib/mcp-supervisor/notes.db" },
            "git":  { "command": "mcp-server-git", "args": ["--repository", "/srv/repo"], "env": { "LANG": "C.UTF-8" }, "cwd": "/srv",
                      "isolation": "strict", "stateless": false,
                      "limits": { "memory": "512M", "cpu": "50%", "pids": 64, "files": 256, "writable": ["/srv/repo"], "network": false },
                      "workers": { "max": 8, "warm": 1, "concurrency": 16, "idleTimeout": "10m", "startTimeout": "30s", "callTimeout": "5m" } }
          },
          "defaultServer": "data",
          "auth": { "required": "auto",
                    "keys": "file:/etc/mcp-supervisor/keys.json",
                    "jwt": { "issuer": "https://auth.example.com", "audience": "https://mcp.example.com/mcp", "jwks": "auto", "groupClaim": "tenant" } },
          "groups": { "analytics": { "weight": 3, "priority": 5,
                                     "allow": { "servers": ["data"], "tools": ["list_*", "query_view"], "databases": ["shop"], "schemas": ["public"] },
                                     "limits": { "requestsPerMinute": 600, "burst": 50, "concurrent": 20, "queue": 200, "sessions": 50 } } },
          "scheduling": { "strategy": "weighted_fair" }, // fair_share | weighted_fair | priority | round_robin
          "limits": { "requestsPerMinute": 6000, "burst": 500, "connections": 20000, "sessions": 10000, "body": "4M", "message": "64M",
                      "headerTimeout": "10s", "bodyTimeout": "30s", "idleTimeout": "75s", "sessionIdle": "30m" },
          "cors": { "origins": [], "credentials": false }, "hosts": ["auto"], "trustedProxies": [],
          "tls": { "certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem" },
          "log": { "level": "info", "format": "json", "directory": "/var/log/mcp-supervisor", "rotate": { "size": "50M", "age": "1d", "keep": 14 } },
          "drain": { "deadline": "20s" }, "restart": { "window": "30s", "deaths": 5, "delayMax": "30s", "stable": "60s" }
        }
        """
}
