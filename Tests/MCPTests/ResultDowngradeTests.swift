import Base
import MCP
import Testing
import Wire

@Suite struct ResultDowngradeTests {
    private static func written(
        _ method: MCPMethod, _ result: String, _ revision: Revision, _ workerEra: Revision.Era = .modern
    ) throws -> String {
        let object = try JSONObject(result)
        var output: [UInt8] = []
        ResultDowngrade(method: method, revision: revision, workerEra: workerEra)
            .append(object.members, of: object.range, object.bytes.span, to: &output)
        return text(output)
    }

    private static let audio = #"{"type":"audio","data":"AAAA","mimeType":"audio/wav"}"#
    private static let audioText =
        #"{"type":"text","text":"[audio audio/wav, which this client's protocol revision cannot carry]"}"#
    private static let link = #"{"type":"resource_link","name":"n","uri":"file:///a\"b","description":"d"}"#
    private static let linkText = #"{"type":"text","text":"[resource n: file:///a\"b]\nd"}"#
    private static let plain = #"{ "type":"text","text":"t" }"#

    @Test(
        arguments: [
            (.v2024_11_05, [audioText, linkText]), (.v2025_03_26, [audio, linkText]), (.v2025_06_18, [audio, link]),
            (.v2025_11_25, [audio, link]), (.v2026_07_28, [audio, link]),
        ] as [(Revision, [String])])
    func `content that a revision does not know becomes text`(revision: Revision, expected: [String]) throws {
        let blocks = [Self.audio, Self.link, Self.plain]
        let result = #"{"content":[\#(blocks.joined(separator: ","))],"isError":false}"#
        let written = try Self.written(.toolsCall, result, revision)
        if revision >= .v2025_06_18 {
            #expect(written == result)
        } else {
            #expect(written == #"{"content":[\#((expected + [Self.plain]).joined(separator: ","))],"isError":false}"#)
        }
        for (block, replacement) in zip(blocks, expected) {
            let prompt =
                #"{"description":"d","messages":[{"role":"user","content":\#(block)},{"role":"user","content":\#(Self.plain)}]}"#
            let written = try Self.written(.promptsGet, prompt, revision)
            if block == replacement {
                #expect(written == prompt)
            } else {
                #expect(
                    written
                        == #"{"messages":[{"content":\#(replacement),"role":"user"},"#
                        + #"{"role":"user","content":\#(Self.plain)}],"description":"d"}"#
                )
            }
        }
    }

    @Test func `a link with a title shows it, and one without a name its uri`() throws {
        #expect(
            try Self.written(
                .toolsCall, #"{"content":[{"type":"resource_link","title":"T","name":"n","uri":"u:"}]}"#, .v2025_03_26)
                == #"{"content":[{"type":"text","text":"[resource T: u:]"}]}"#)
        #expect(
            try Self.written(.toolsCall, #"{"content":[{"type":"resource_link","uri":"u:"}]}"#, .v2025_03_26)
                == #"{"content":[{"type":"text","text":"[resource: u:]"}]}"#)
        #expect(
            try Self.written(.toolsCall, #"{"content":[{"type":"\u0061udio"}]}"#, .v2024_11_05)
                == #"{"content":[{"type":"text","text":"[audio, which this client's protocol revision cannot carry]"}]}"#)
    }

    @Test(
        arguments: [
            (#"{"a":1}"#, [false, false, true, true, true]), ("[1]", [false, false, false, false, true]),
            ("null", [false, false, false, false, true]), (#""x""#, [false, false, false, false, true]),
        ] as [(String, [Bool])])
    func `structured content goes to those who can read it`(structured: String, stays: [Bool]) throws {
        let result = #"{"content":[\#(Self.plain)],"structuredContent":\#(structured)}"#
        for (revision, stays) in zip(Revision.allCases, stays) {
            #expect(try Self.written(.toolsCall, result, revision) == (stays ? result : #"{"content":[\#(Self.plain)]}"#))
        }
    }

    @Test(arguments: [#"{"structuredContent":[1, "a"]}"#, #"{"content":[],"structuredContent":[1, "a"]}"#])
    func `structured content that nothing else says becomes text`(result: String) throws {
        #expect(
            try Self.written(.toolsCall, result, .v2025_11_25) == #"{"content":[{"type":"text","text":"[1, \"a\"]"}]}"#)
    }

    private static func tools(_ members: String) -> String {
        #"{"tools":[{"name":"a"},{"name":"b"\#(members)}],"nextCursor":"c"}"#
    }

    @Test(
        arguments: [
            (#"{"type":"object"}"#, [false, false, true, true, true]),
            (#"{"type":"array"}"#, [false, false, false, false, true]),
            (#"{"anyOf":[]}"#, [false, false, false, false, true]), ("true", [false, false, false, false, true]),
            (#"{"type":["object"]}"#, [false, false, false, false, true]),
        ] as [(String, [Bool])])
    func `an output schema goes with its structured content`(schema: String, stays: [Bool]) throws {
        let result = Self.tools(#","outputSchema":\#(schema)"#)
        for (revision, stays) in zip(Revision.allCases, stays) {
            let expected = stays ? result : #"{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"c"}"#
            #expect(try Self.written(.toolsList, result, revision) == expected)
        }
    }

    @Test func `execution is for 2025-11-25 and for those who do not mind`() throws {
        let result = Self.tools(#","execution":{"taskSupport":"optional"},"outputSchema":{"type":"array"}"#)
        #expect(
            try Self.written(.toolsList, result, .v2026_07_28, .legacy)
                == #"{"tools":[{"name":"a"},{"name":"b","outputSchema":{"type":"array"}}],"nextCursor":"c"}"#)
        #expect(try Self.written(.toolsList, result, .v2025_11_25, .legacy) == result)
    }

    @Test(
        arguments: [
            (.v2025_11_25, .legacy, false, false), (.v2025_06_18, .legacy, false, false), (.v2025_03_26, .legacy, true, true),
            (.v2026_07_28, .modern, false, false), (.v2026_07_28, .legacy, false, true), (.v2025_11_25, .modern, true, true),
        ] as [(Revision, Revision.Era, Bool, Bool)])
    func `between peers of today nothing is looked at`(
        revision: Revision, workerEra: Revision.Era, calls: Bool, lists: Bool
    ) {
        func isPossible(_ method: MCPMethod) -> Bool {
            ResultDowngrade(method: method, revision: revision, workerEra: workerEra).isPossible
        }
        #expect(isPossible(.toolsCall) == calls)
        #expect(isPossible(.toolsList) == lists)
        #expect(isPossible(.promptsGet) == (revision < .v2025_06_18))
        #expect(!isPossible(.resourcesRead) && !isPossible(.completionComplete) && !isPossible(.unknown))
    }

    @Test(arguments: [
        "{}", #"{"content":7,"messages":7,"tools":7}"#,
        #"{"content":[7,{"type":7},{}],"messages":[7,{},{"content":7}],"tools":[7,{}]}"#,
        #"{"content":[{"type":"audio","type":"text"}]}"#,
    ])
    func `a result of the wrong shape passes as it is`(result: String) throws {
        for method in [MCPMethod.toolsCall, .promptsGet, .toolsList] {
            for revision in Revision.allCases { #expect(try Self.written(method, result, revision) == result) }
        }
    }

    @Test func `a changed result stays one line`() throws {
        #expect(
            try Self.written(.toolsCall, "{\"content\":[\(Self.audio),\n{\"type\":\n\"text\"}],\n\"x\":1}", .v2024_11_05)
                == "{\"content\":[\(Self.audioText),{\"type\": \"text\"}],\"x\":1}")
    }

    @Test func `changes name the members that they replace`() throws {
        let object = try JSONObject(#"{"content":[\#(Self.audio)],"structuredContent":{}}"#)
        let found = ResultDowngrade(method: .toolsCall, revision: .v2024_11_05, workerEra: .legacy)
            .changes(object.members, object.bytes.span)
        let changes = try #require(found)
        #expect(object.members.members.allSatisfy { changes.removes($0, in: object.bytes.span) })
        #expect(text(changes.adding) == #""content":[\#(Self.audioText)]"#)
    }
}
