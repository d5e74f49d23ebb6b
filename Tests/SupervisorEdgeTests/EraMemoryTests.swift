import Linux
import MCP
import Testing

@testable import SupervisorCore
@testable import SupervisorEdge

@Suite struct EraMemoryTests {
    private static let modern = RememberedEra(era: .modern, until: 2_000)
    private static let legacy = RememberedEra(era: .legacy, until: 3_000)

    private static func configuration(_ scratch: Scratch, _ members: String) throws -> Configuration {
        var input = ConfigurationLoader.Input(file: [UInt8](#"{"mcpServers":{"a":{\#(members)}}}"#.utf8))
        input.environment = [EnvironmentVariable(name: "STATE_DIRECTORY", value: scratch.path)]
        return try #require(ConfigurationLoader.load(input).configuration)
    }

    /// What is remembered of the server with these members.
    private static func remembered(_ scratch: Scratch, _ members: String, at wallSeconds: Int64 = 1_000) throws -> RememberedEra?
    {
        let configuration = try Self.configuration(scratch, members)
        return EraMemory(configuration).remembered(try #require(configuration.servers.first), wallSeconds: wallSeconds)
    }

    private static func remember(_ scratch: Scratch, _ members: String, _ era: RememberedEra?) throws {
        let configuration = try Self.configuration(scratch, members)
        try EraMemory(configuration).remember(try #require(configuration.servers.first), era, wallSeconds: 1_000)
    }

    @Test func `a verdict is kept for the same command, until it expires or is withdrawn`() throws {
        let scratch = try Scratch()
        let one = #""command":"/bin/sh","args":["-c","true"]"#, other = #""command":"/bin/sh","args":["-c","false"]"#
        #expect(try Self.remembered(scratch, one) == nil)
        try Self.remember(scratch, one, Self.modern)
        try Self.remember(scratch, other, Self.legacy)
        #expect(try Self.remembered(scratch, one) == Self.modern)
        #expect(try Self.remembered(scratch, other) == Self.legacy)
        #expect(try Self.remembered(scratch, one, at: 2_000) == nil)
        try Self.remember(scratch, one, nil)
        #expect(try Self.remembered(scratch, one) == nil)
        #expect(try Self.remembered(scratch, other) == Self.legacy)
    }

    @Test(
        arguments: [
            #""command":"/bin/cat","args":["x"]"#, #""command":"/bin/sh","args":["y"]"#, #""command":"/bin/sh","args":["x",""]"#,
            #""command":"/bin/sh","args":["x"],"env":{"A":"1"}"#, #""command":"/bin/sh","args":["x"],"cwd":"/""#,
        ])
    func `whatever differs in how it is started is another server`(members: String) throws {
        let scratch = try Scratch()
        try Self.remember(scratch, #""command":"/bin/sh","args":["x"]"#, Self.modern)
        #expect(try Self.remembered(scratch, members) == nil)
    }

    @Test func `a script that was changed is another server, and no secret is written`() throws {
        let scratch = try Scratch()
        let script = "\(scratch.path)/server.py"
        try Files.writeAtomically(script, [1].span)
        let members = #""command":"/bin/sh","args":["\#(script)"],"env":{"TOKEN":"secret-value"}"#
        try Self.remember(scratch, members, Self.modern)
        #expect(try Self.remembered(scratch, members) == Self.modern)
        let text = String(decoding: try Files.read("\(scratch.path)/eras.json", limit: 1 << 16).bytes, as: UTF8.self)
        #expect(text.contains("modern") && !text.contains("secret") && !text.contains("/bin/sh"))
        try Files.writeAtomically(script, [1, 2].span)
        #expect(try Self.remembered(scratch, members) == nil)
    }

    @Test(arguments: ["", "[]", "{", #"{"x":1}"#, #"{"x":{"era":"ancient","until":5000}}"#])
    func `a file that cannot be read is as good as none`(text: String) throws {
        let scratch = try Scratch()
        try Files.writeAtomically("\(scratch.path)/eras.json", [UInt8](text.utf8).span)
        let members = #""command":"/bin/sh""#
        #expect(try Self.remembered(scratch, members) == nil)
        try Self.remember(scratch, members, Self.legacy)
        #expect(try Self.remembered(scratch, members) == Self.legacy)
    }

    @Test func `a server whose era is configured, and our own, are not remembered`() throws {
        let scratch = try Scratch()
        for members in [#""command":"/bin/sh","era":"modern""#, #""builtin":"sql","databases":{"s":"sample:"}"#] {
            try Self.remember(scratch, members, Self.legacy)
            #expect(try Self.remembered(scratch, members) == nil)
        }
        #expect((try? Files.status("\(scratch.path)/eras.json")) == nil)
    }
}
