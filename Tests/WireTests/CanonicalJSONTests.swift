import Base
import Testing
import Wire

@Suite struct CanonicalJSONTests {
    private static func canonical(_ text: String) -> String? {
        let bytes = [UInt8](text.utf8)
        var output: [UInt8] = []
        do throws(JSONTextError) {
            try CanonicalJSON.append(bytes.span, ByteRange(0, bytes.count), to: &output)
        } catch {
            return nil
        }
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [
        ("1", "1"), ("1.0", "1"), ("10e-1", "1"), ("0.1e1", "1"), ("1E0", "1"), ("1e+0", "1"), ("0", "0"), ("-0", "0"),
        ("-0.0e7", "0"), ("100", "1e2"), ("1e2", "1e2"), ("1200", "12e2"), ("0.050", "5e-2"), ("5e-2", "5e-2"),
        ("10.5", "105e-1"), ("-10.50", "-105e-1"), ("12345678901234567890", "1234567890123456789e1"),
        ("9007199254740993", "9007199254740993"), ("1e00000000000000000000000002", "1e2"), ("0e99999999999999999", "0"),
    ])
    func `numbers of one value have one spelling`(text: String, canonical: String) {
        #expect(Self.canonical(text) == canonical)
    }

    @Test func `an exponent beyond all reason keeps its spelling`() {
        #expect(Self.canonical("1e999999999999999999999") == "1e999999999999999999999")
        #expect(Self.canonical("-1e-999999999999999999999") == "-1e-999999999999999999999")
    }

    @Test(arguments: [
        (#"{"b":1,"a":2}"#, #"{"a":2,"b":1}"#), (#" { "a" : [ 1 , 2.0 ] } "#, #"{"a":[1,2]}"#),
        (#"{"\u0061":"\u00e9\/\n"}"#, "{\"a\":\"é/\\n\"}"), (#"{"a":{"d":null,"c":true}}"#, #"{"a":{"c":true,"d":null}}"#),
        ("[2,1]", "[2,1]"), (#"{"é":1,"z":2,"Z":3}"#, #"{"Z":3,"z":2,"é":1}"#),
        (#"{"aa":1,"a":2,"":3}"#, #"{"":3,"a":2,"aa":1}"#),
        ("{}", "{}"), ("[]", "[]"), (#""\ud83d\ude39""#, "\"😹\""),
    ])
    func `order of keys, white space and escapes make no difference`(text: String, canonical: String) {
        #expect(Self.canonical(text) == canonical)
    }

    @Test(arguments: [(#""e\u0301""#, #""\u00e9""#), (#"{"k":1}"#, #"{"\u212a":1}"#), ("1", #""1""#), ("[1,2]", "[2,1]")])
    func `different values stay different`(left: String, right: String) {
        // As bytes: equality of strings is canonical equivalence, which digests do not know.
        #expect(Self.canonical(left).map { [UInt8]($0.utf8) } != Self.canonical(right).map { [UInt8]($0.utf8) })
    }

    @Test(arguments: [#"{"a":1,"a":1}"#, #"[{"x":{"a":1,"\u0061":2}}]"#, "{", "", "01", "[1,]", #""\ud800""#])
    func `a text with two meanings or none has no canonical form`(text: String) {
        #expect(Self.canonical(text) == nil)
    }

    @Test func `a deep text does not exhaust the stack and a deeper one is refused`() {
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(Self.canonical(deep) == deep)
        #expect(Self.canonical("[" + deep + "]") == nil)
    }

    @Test(arguments: [
        ("42", "42.0", true), ("42", "4.2e1", true), ("-1", "-1.00", true), ("42", "43", false), ("42", "042", false),
        ("42", "", false),
        ("42", "+42", false), ("42", "42.", false), ("42", " 42", false), ("0", "-0", true), ("42", "0x2a", false),
        ("1", "1e", false),
        ("9007199254740993", "9007199254740992", false), ("-", "-", false), (".5", "0.5", false), ("nan", "nan", false),
    ])
    func `numbers are compared by their exact value`(left: String, right: String, isEqual: Bool) {
        let areEqual = CanonicalJSON.areEqualNumbers([UInt8](left.utf8).span, [UInt8](right.utf8).span)
        #expect(areEqual == isEqual)
    }

    @Test(arguments: [
        ("42", true), ("42.0", true), ("4.2e1", true), ("4.2", false), ("1e-1", false), ("10e-1", true), ("0.0", true),
        ("0e-9", true),
        ("x", false),
    ])
    func `a number without a fraction is an integer however it is written`(text: String, isInteger: Bool) {
        #expect(CanonicalJSON.isInteger([UInt8](text.utf8).span) == isInteger)
    }
}
