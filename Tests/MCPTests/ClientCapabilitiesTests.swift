import Base
import MCP
import Testing
import Wire

@Suite struct ClientCapabilitiesTests {
    private static func read(_ text: String, _ revision: Revision) -> ClientCapabilities {
        let bytes = [UInt8](text.utf8)
        return ClientCapabilities(bytes.span, ByteRange(0, bytes.count), declaredIn: revision)
    }

    private static func written(_ capabilities: ClientCapabilities) -> String {
        var output: [UInt8] = []
        capabilities.append(to: &output)
        return text(output)
    }

    @Test(
        arguments: [
            (#"{"elicitation":{}}"#, [[], [], .elicitationForm, .elicitationForm, .elicitationForm]),
            (#"{"elicitation":{"form":{}}}"#, [[], [], .elicitationForm, .elicitationForm, .elicitationForm]),
            (#"{"elicitation":{"url":{}}}"#, [[], [], .elicitationForm, .elicitationURL, .elicitationURL]),
            (
                #"{"elicitation":{"url":{},"form":{}}}"#,
                [[], [], .elicitationForm, [.elicitationURL, .elicitationForm], [.elicitationURL, .elicitationForm]]
            ),
            (#"{"elicitation":{"other":{}}}"#, [[], [], .elicitationForm, .elicitationForm, .elicitationForm]),
            (#"{"elicitation":{"url":null}}"#, [[], [], .elicitationForm, .elicitationForm, .elicitationForm]),
            (#"{"elicitation":true}"#, [[], [], [], [], []]),
            (#"{"sampling":{}}"#, [.sampling, .sampling, .sampling, .sampling, .sampling]),
            (
                #"{"sampling":{"tools":{},"context":{}}}"#,
                [
                    .sampling, .sampling, .sampling, [.sampling, .samplingTools, .samplingContext],
                    [.sampling, .samplingTools, .samplingContext],
                ]
            ),
            (#"{"sampling":null}"#, [[], [], [], [], []]),
            (#"{"roots":{"listChanged":true}}"#, [.roots, .roots, .roots, .roots, .roots]),
            (#"{"tasks":{"list":{}},"extensions":{"a/b":{}},"experimental":{"x":{}}}"#, [[], [], [], [], []]),
            (#"{"\u0072oots":{}}"#, [.roots, .roots, .roots, .roots, .roots]),
        ] as [(String, [ClientCapabilities])])
    func `a client promises what its revision defines`(declared: String, expected: [ClientCapabilities]) {
        #expect(Revision.allCases.map { Self.read(declared, $0) } == expected)
    }

    @Test(arguments: ["", "[]", "{", "null", "12", #""roots""#, #"{"roots":{},"roots":{}}"#, #"{"roots":{}"#, "{]"])
    func `anything else promises nothing`(declared: String) {
        for revision in Revision.allCases { #expect(Self.read(declared, revision).isEmpty) }
        let bytes = [UInt8](declared.utf8)
        #expect(ClientCapabilities(bytes.span, nil, declaredIn: .v2025_11_25).isEmpty)
    }

    @Test(
        arguments: [
            ([], "{}"), (.elicitationForm, #"{"elicitation":{"form":{}}}"#), (.elicitationURL, #"{"elicitation":{"url":{}}}"#),
            (.sampling, #"{"sampling":{}}"#), (.samplingTools, #"{"sampling":{"tools":{}}}"#), (.roots, #"{"roots":{}}"#),
            (.all, #"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{},"context":{}},"roots":{}}"#),
            ([.sampling, .roots], #"{"sampling":{},"roots":{}}"#),
        ] as [(ClientCapabilities, String)])
    func `workers are told in the shape of today`(capabilities: ClientCapabilities, expected: String) {
        #expect(Self.written(capabilities) == expected)
    }

    @Test func `what is written reads as the same`() {
        for raw in 0..<UInt8(64) {
            var capabilities = ClientCapabilities(rawValue: raw)
            // No client declares one without the other.
            if !capabilities.isDisjoint(with: [.samplingTools, .samplingContext]) { capabilities.insert(.sampling) }
            for revision in [Revision.v2025_11_25, .v2026_07_28] {
                #expect(Self.read(Self.written(capabilities), revision) == capabilities)
            }
        }
    }

    @Test func `the data of a refusal is an object of capabilities`() {
        var output: [UInt8] = []
        ClientCapabilities.elicitationURL.appendMissingData(to: &output)
        #expect(text(output) == #"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#)
        #expect(ClientCapabilities([.elicitationURL, .roots]).names == "elicitation.url and roots")
    }
}
