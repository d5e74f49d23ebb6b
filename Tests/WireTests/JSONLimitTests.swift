import Base
import Testing
import Wire

@Suite struct JSONLimitTests {
    private func nested(_ depth: Int, open: String = "[", close: String = "]", inner: String = "") -> String {
        String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
    }

    @Test func `the depth limit itself is accepted and one more is refused`() {
        #expect(JSONScanner.failure(self.nested(64)) == nil)
        #expect(JSONScanner.failure(self.nested(65)) == JSONError(.tooDeep, at: 64))
        #expect(JSONScanner.failure(self.nested(64, open: "{\"a\":", close: "}", inner: "1")) == nil)
        #expect(JSONScanner.failure(self.nested(65, open: "{\"a\":", close: "}", inner: "1"))?.reason == .tooDeep)
        #expect(JSONScanner.failure(self.nested(64, inner: "[]"))?.reason == .tooDeep)
        #expect(JSONScanner.failure(self.nested(64, inner: "{}"))?.reason == .tooDeep)
    }

    @Test func `mixed containers close in the right order up to the ceiling`() {
        let limits = JSONLimits(depthMax: JSONLimits.depthCeiling)
        #expect(JSONScanner.failure(self.nested(64, open: "[{\"a\":", close: "}]", inner: "1"), limits: limits) == nil)
        #expect(
            JSONScanner.failure(self.nested(64, open: "[{\"a\":", close: "]}", inner: "1"), limits: limits)?.reason
                == .unexpectedByte)
        #expect(JSONScanner.failure(self.nested(129), limits: limits) == JSONError(.tooDeep, at: 128))
    }

    @Test func `a hundred thousand levels are refused at the limit`() {
        #expect(JSONScanner.failure(String(repeating: "[", count: 100_000)) == JSONError(.tooDeep, at: 64))
        #expect(JSONScanner.failure(String(repeating: "{\"a\":", count: 100_000))?.reason == .tooDeep)
        #expect(throws: JSONTextError.self) { try JSONValue.parse([UInt8](repeating: 0x5B, count: 100_000)) }
    }

    @Test func `recorded levels count as depth`() throws {
        let limits = JSONLimits(depthMax: 2)
        var scanner = JSONScanner(limits: limits)
        var members = JSONMembers()
        let fits = Array("{\"a\":[1]}".utf8)
        try scanner.scanObject(fits.span, at: ByteRange(0, fits.count), into: &members)
        let deeper = Array("{\"a\":[[]]}".utf8)
        #expect(throws: JSONError(.tooDeep, at: 6)) {
            try scanner.scanObject(deeper.span, at: ByteRange(0, deeper.count), into: &members)
        }
        #expect(JSONScanner.failure("[]", limits: JSONLimits(depthMax: 0))?.reason == .tooDeep)
        #expect(JSONScanner.failure("1", limits: JSONLimits(depthMax: 0)) == nil)
    }

    @Test func `values are counted, containers included`() {
        let limits = JSONLimits(nodesMax: 4)
        #expect(JSONScanner.failure("[1,2,3]", limits: limits) == nil)
        #expect(JSONScanner.failure("[1,2,3,4]", limits: limits) == JSONError(.tooManyNodes, at: 7))
        #expect(JSONScanner.failure("{\"a\":{\"b\":[]},\"c\":1}", limits: limits) == nil)
        #expect(JSONScanner.failure("[[],[],[],[]]", limits: limits)?.reason == .tooManyNodes)
        let many = "[" + String(repeating: "0,", count: 200_000) + "0]"
        #expect(JSONScanner.failure(many)?.reason == .tooManyNodes)
    }

    @Test func `the length of a string is counted between the quotes before unescaping`() {
        let limits = JSONLimits(stringBytesMax: 12)
        #expect(JSONScanner.failure("\"123456789012\"", limits: limits) == nil)
        #expect(JSONScanner.failure("\"1234567890123\"", limits: limits) == JSONError(.stringTooLong, at: 1))
        #expect(JSONScanner.failure("\"\\u0041\\u0042\"", limits: limits) == nil)
        #expect(JSONScanner.failure("\"\\u0041\\u0042c\"", limits: limits)?.reason == .stringTooLong)
        #expect(JSONScanner.failure("\"éééééé\"", limits: limits) == nil)
        #expect(JSONScanner.failure("\"éééééée\"", limits: limits)?.reason == .stringTooLong)
        #expect(JSONScanner.failure("{\"1234567890123\":1}", limits: limits)?.reason == .stringTooLong)
    }

    @Test func `the text of a number has a limit`() {
        #expect(JSONScanner.failure(String(repeating: "1", count: 64)) == nil)
        #expect(JSONScanner.failure(String(repeating: "1", count: 65)) == JSONError(.numberTooLong, at: 0))
        #expect(JSONScanner.failure("[0." + String(repeating: "0", count: 1 << 20) + "]") == JSONError(.numberTooLong, at: 1))
        #expect(JSONScanner.failure("1e" + String(repeating: "9", count: 62)) == nil)
        #expect(JSONScanner.failure("1e" + String(repeating: "9", count: 63))?.reason == .numberTooLong)
    }

    @Test func `the members of a recorded object have a limit`() throws {
        var scanner = JSONScanner()
        var members = JSONMembers()
        func object(_ count: Int) -> [UInt8] {
            Array(("{" + (0..<count).map { "\"key number \($0)\":\($0)" }.joined(separator: ",") + "}").utf8)
        }
        let fits = object(1_000)
        try scanner.scanObject(fits.span, at: ByteRange(0, fits.count), into: &members)
        #expect(members.count == 1_000)
        let more = object(1_001)
        #expect(throws: JSONError.self) { try scanner.scanObject(more.span, at: ByteRange(0, more.count), into: &members) }
        #expect(members.count == 0)
    }

    @Test func `the key of a recorded member has a limit`() throws {
        var scanner = JSONScanner(limits: JSONLimits(recordedKeyBytesMax: 3))
        var members = JSONMembers()
        try scanner.scanObject(Array("{\"abc\":1}".utf8).span, at: ByteRange(0, 9), into: &members)
        #expect(throws: JSONError(.stringTooLong, at: 2)) {
            try scanner.scanObject(Array("{\"abcd\":1}".utf8).span, at: ByteRange(0, 10), into: &members)
        }
        #expect(try scanner.scanText(Array("{\"abcd\":1}".utf8).span).count == 10)
    }

    @Test func `the largest limits mean none`() {
        let limits = JSONLimits(
            nodesMax: .max, stringBytesMax: .max, numberBytesMax: .max, membersMax: .max, recordedKeyBytesMax: .max)
        #expect(JSONScanner.failure("{\"a\\n\":[\"b\",1.5e3,\"é\"]}", limits: limits) == nil)
        #expect(JSONScanner.failure(String(repeating: "1", count: 100_000), limits: limits) == nil)
    }

    @Test func `the smallest limits refuse all they bound`() {
        let limits = JSONLimits(
            depthMax: 0, nodesMax: 1, stringBytesMax: 0, numberBytesMax: 1, membersMax: 0, recordedKeyBytesMax: 0)
        #expect(JSONScanner.failure("\"\"", limits: limits) == nil)
        #expect(JSONScanner.failure("1", limits: limits) == nil)
        #expect(JSONScanner.failure("\"a\"", limits: limits)?.reason == .stringTooLong)
        #expect(JSONScanner.failure("12", limits: limits)?.reason == .numberTooLong)
        #expect(JSONScanner.failure("{}", limits: limits)?.reason == .tooDeep)
    }
}
