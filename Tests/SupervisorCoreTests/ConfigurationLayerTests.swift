import Base
import MCP
import Testing

@testable import SupervisorCore

@Suite struct ConfigurationLayerTests {
    @Test func `a flag beats the environment, which beats the file, which beats the profile, which beats the default`() {
        let file = #"{"log":{"level":"warning"},"mcpServers":{"a":{"command":"x"}}}"#
        let noLevel = #"{"mcpServers":{"a":{"command":"x"}}}"#
        let flag = Loading.options { $0.logLevel = "alert" }
        let development = Loading.options { $0.profile = "development" }
        let environment = ["MCP_SUPERVISOR_LOG_LEVEL": "error"]
        #expect(Loading.load(file, flag, environment).configuration?.log.level == .alert)
        #expect(Loading.load(file, RunOptions(), environment).configuration?.log.level == .error)
        #expect(Loading.load(file, development).configuration?.log.level == .warning)
        #expect(Loading.load(noLevel, development).configuration?.log.level == .debug)
        #expect(Loading.load(noLevel).configuration?.log.level == .info)
    }

    @Test func `a profile comes from the flag or the environment`() {
        #expect(Loading.load(nil, RunOptions(), ["MCP_SUPERVISOR_PROFILE": "development"]).configuration?.log.format == .text)
        let both = Loading.load(nil, Loading.options { $0.profile = "staging" }, ["MCP_SUPERVISOR_PROFILE": "development"])
        #expect(both.configuration?.profile == .staging)
        #expect(both.configuration?.log.format == .json)
        #expect(
            Loading.errors(Loading.load(nil, RunOptions(), ["MCP_SUPERVISOR_PROFILE": "x"]))
                == ["MCP_SUPERVISOR_PROFILE: must be one of development, staging, production"])
    }

    @Test(arguments: [
        (["--port"], "9000", ["127.0.0.1:9000", "[::1]:9000"]),
        (["--host"], "127.0.0.1", ["127.0.0.1:8000"]),
        (["--host"], "::1", ["[::1]:8000"]),
        (["--host"], "localhost", ["127.0.0.1:8000", "[::1]:8000"]),
        (["--listen"], "127.0.0.1:1,unix:/run/x.sock", ["127.0.0.1:1", "unix:/run/x.sock"]),
    ])
    func `options for listening replace what the file lists`(option: [String], value: String, listeners: [String]) {
        let file = #"{"listen":["127.0.0.1:7"],"mcpServers":{"a":{"command":"x"}}}"#
        let options = Loading.options { options in
            switch option[0] {
            case "--port": options.port = value
            case "--host": options.host = value
            default: options.listen = value.split(separator: ",").map { String($0) }
            }
        }
        let outcome = Loading.load(file, options)
        #expect(Loading.errors(outcome) == [])
        #expect(outcome.configuration?.listeners.map(\.description) == listeners)
    }

    @Test func `host from the environment and port from a flag are one address`() {
        let outcome = Loading.load(nil, Loading.options { $0.port = "1" }, ["MCP_SUPERVISOR_HOST": "127.0.0.1"])
        #expect(outcome.configuration?.listeners == [.tcp(.loopbackV4, port: 1)])
    }

    @Test func `a port flag beats listen of the environment, and listen of the environment its own port`() {
        let environment = ["MCP_SUPERVISOR_LISTEN": "unix:/a, fd:b", "MCP_SUPERVISOR_PORT": "7"]
        let flag = Loading.load(nil, Loading.options { $0.port = "1" }, environment)
        #expect(flag.configuration?.listeners.map(\.description) == ["127.0.0.1:1", "[::1]:1"])
        let noFlag = Loading.load(nil, RunOptions(), environment)
        #expect(noFlag.configuration?.listeners.map(\.description) == ["unix:/a", "fd:b"])
    }

    @Test func `a mistyped variable is pointed out and an empty one is absent`() {
        let outcome = Loading.load(nil, RunOptions(), ["MCP_SUPERVISOR_PROT": "1", "MCP_SUPERVISOR_PORT": "", "PORT": "3"])
        #expect(
            Loading.warnings(outcome) == ["MCP_SUPERVISOR_PROT: unknown variable, not used; did you mean MCP_SUPERVISOR_PORT?"])
        #expect(outcome.configuration?.listeners == Configuration.standard.listeners)
    }

    @Test(arguments: [
        ("MCP_SUPERVISOR_PORT", "65536", "MCP_SUPERVISOR_PORT: the port must be a number from 0 to 65535"),
        ("MCP_SUPERVISOR_HOST", "example.com", "MCP_SUPERVISOR_HOST: example.com: host names are not resolved here"),
        ("MCP_SUPERVISOR_LOG_LEVEL", "loud", "MCP_SUPERVISOR_LOG_LEVEL: must be one of debug"),
        ("MCP_SUPERVISOR_LOG_FORMAT", "xml", "MCP_SUPERVISOR_LOG_FORMAT: must be one of json, text"),
        ("MCP_SUPERVISOR_TRANSPORT", "tcp", "MCP_SUPERVISOR_TRANSPORT: must be one of http, stdio, both"),
        ("MCP_SUPERVISOR_ISOLATION", "strict", "MCP_SUPERVISOR_ISOLATION: \"strict\" is not available in this version"),
        ("MCP_SUPERVISOR_STATE_DIR", "state", "MCP_SUPERVISOR_STATE_DIR: must be an absolute path"),
    ])
    func `a wrong variable is refused by its name`(name: String, value: String, error: String) {
        let outcome = Loading.load(nil, RunOptions(), [name: value])
        #expect(Loading.errors(outcome).contains { $0.hasPrefix(error) }, "\(Loading.errors(outcome))")
    }

    @Test func `a command replaces the servers of the file`() {
        let options = Loading.options { $0.command = ["python3", "server.py"] }
        let outcome = Loading.load(#"{"mcpServers":{"a":{"command":"x"}},"defaultServer":"a"}"#, options)
        #expect(outcome.configuration?.servers.map(\.name) == ["default"])
        #expect(
            outcome.configuration?.servers[0].kind
                == .command(CommandSpecification(command: "python3", arguments: ["server.py"], environment: [], directory: nil)))
        #expect(Loading.warnings(outcome).map { $0.prefix(11) } == ["mcpServers:"])
    }

    @Test func `directories come from the option, the service manager, or the usual places`() {
        let manager = ["RUNTIME_DIRECTORY": "/run/a:/run/b", "STATE_DIRECTORY": "/var/lib/a", "HOME": "/home/u"]
        let usual = ["XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/u"]
        let option = Loading.options { $0.runtimeDirectory = "/x" }
        #expect(
            Loading.load(nil, option, manager).configuration?.directories
                == Directories(runtime: ["/x"], isRuntimeNamed: true, state: ["/var/lib/a"]))
        #expect(
            Loading.load(nil, RunOptions(), manager).configuration?.directories
                == Directories(runtime: ["/run/a"], isRuntimeNamed: true, state: ["/var/lib/a"]))
        #expect(
            Loading.load(nil, RunOptions(), usual).configuration?.directories
                == Directories(
                    runtime: ["/run/mcp-supervisor", "/run/user/7/mcp-supervisor"], isRuntimeNamed: false,
                    state: ["/var/lib/mcp-supervisor", "/home/u/.local/state/mcp-supervisor"]))
    }

    @Test(arguments: Profile.allCases)
    func `every profile is consistent in itself`(profile: Profile) {
        let outcome = Loading.load(nil, Loading.options { $0.profile = profile.rawValue })
        #expect(outcome.findings.isEmpty)
        #expect(outcome.configuration?.profile == profile)
    }
}

@Suite struct ConfigurationAuthenticationTests {
    private static func file(_ listen: String, _ auth: String) -> String {
        #"{"listen":["\#(listen)"],"mcpServers":{"a":{"command":"x"}},"auth":{\#(auth)}}"#
    }

    private static let open = "0.0.0.0:8000 can be reached from other machines"

    @Test(
        arguments: [
            ("127.0.0.1:8000", "", [:], nil), ("[::1]:8000", "", [:], nil), ("unix:/run/x", "", [:], nil),
            ("fd:http", "", [:], nil),
            ("127.0.0.1:8000", #""required":false"#, [:], nil),
            ("127.0.0.1:8000", #""required":true"#, [:], "auth.keys: auth.required is true, but there are no keys"),
            ("127.0.0.1:8000", #""required":true,"keys":"file:/k""#, [:], nil),
            ("0.0.0.0:8000", "", [:], "auth.keys: \(open), but there are no keys"),
            (
                "0.0.0.0:8000", #""required":false,"keys":"file:/k""#, [:],
                "auth.required: must not be false while \(open.prefix(12))"
            ),
            ("0.0.0.0:8000", #""jwt":{"issuer":"x"}"#, [:], "auth.keys: \(open), but there are no keys"),
            ("0.0.0.0:8000", #""keys":"file:/k""#, [:], nil), ("0.0.0.0:8000", "", ["AUTH_TOKENS": "a"], nil),
            ("0.0.0.0:8000", "", ["AUTH_TOKENS": ""], "auth.keys: \(open), but there are no keys"),
        ] as [(String, String, [String: String], String?)])
    func `nobody listens to other machines without keys`(
        listen: String, auth: String, environment: [String: String], error: String?
    ) {
        let outcome = Loading.load(Self.file(listen, auth), RunOptions(), environment)
        #expect((outcome.configuration == nil) == (error != nil))
        #expect(Loading.errors(outcome).count == (error == nil ? 0 : 1))
        if let error { #expect(Loading.errors(outcome)[0].hasPrefix(error), "\(Loading.errors(outcome))") }
    }

    @Test func `unencrypted listening to other machines is warned about`() {
        let outcome = Loading.load(Self.file("192.0.2.1:8000", #""keys":"file:/k""#))
        #expect(Loading.warnings(outcome).count == 1)
        #expect(
            Loading.warnings(outcome)[0].contains("put a TLS proxy")
                || Loading.warnings(outcome)[0].contains("TLS proxy stands in front"))
    }

    @Test func `every address without host names is warned about`() {
        let outcome = Loading.load(Self.file("0.0.0.0:8000", #""keys":"file:/k""#))
        #expect(outcome.findings.contains { $0.path == "hosts" && $0.severity == .warning })
    }

    @Test func `auto asks for credentials only where others can come in`() throws {
        let configuration = try #require(Loading.load(Self.file("127.0.0.1:1", #""keys":"file:/k""#)).configuration)
        let settings = configuration.authentication
        #expect(!settings.isRequired(on: .tcp(.loopbackV4, port: 1)))
        #expect(!settings.isRequired(onAddress: .loopbackV6))
        #expect(!settings.isRequired(onAddress: nil))
        #expect(settings.isRequired(onAddress: IPAddress(v4: 0)))
        #expect(settings.isRequired(on: .tcp(IPAddress(v4: 0xC000_0201), port: 1)))
    }
}
