import SupervisorCore
import Testing

@testable import SupervisorEdge

@Suite struct ProgramsTests {
    private static func problem(_ command: String, path: String? = nil, directory: String? = nil) -> String? {
        let environment = path.map { [EnvironmentVariable(name: "PATH", value: $0)] } ?? []
        return Programs.problem(
            CommandSpecification(command: command, arguments: [], environment: environment, directory: directory))
    }

    @Test func `what can be started is fine`() {
        #expect(Self.problem("/bin/sh") == nil)
        #expect(Self.problem("sh", path: "/nonexistent:/bin") == nil)
        #expect(Self.problem("./sh", directory: "/bin") == nil)
        #expect(Self.problem("sh", path: "/bin", directory: "/tmp") == nil)
    }

    @Test func `a name that is not in PATH is told with the PATH`() throws {
        let problem = try #require(Self.problem("nosuchprogram", path: "/bin:/usr/bin"))
        #expect(problem == "there is no program nosuchprogram in PATH=/bin:/usr/bin")
    }

    @Test func `a file that is missing, a directory and a plain file cannot be started`() throws {
        #expect(try #require(Self.problem("/nonexistent/x")).contains("ENOENT"))
        #expect(try #require(Self.problem("/etc")).contains("EACCES"))
        #expect(try #require(Self.problem("/etc/passwd")).contains("EACCES"))
        #expect(try #require(Self.problem("passwd", path: "/etc")).contains("/etc/passwd"))
        #expect(try #require(Self.problem("/bin/sh", directory: "/nonexistent")).contains("/nonexistent"))
    }

    @Test func `configured servers get a warning each`() throws {
        let file = """
            {"mcpServers": {"a": {"command": "/bin/sh"}, "b": {"command": "nosuchprogram"}, "c": {"builtin": "sql"}}}
            """
        let configuration = try #require(ConfigurationLoader.load(.init(file: [UInt8](file.utf8))).configuration)
        let findings = Programs.findings(configuration.servers)
        #expect(findings.map(\.path) == ["mcpServers.b.command"])
        #expect(findings.map(\.severity) == [.warning])
    }
}
