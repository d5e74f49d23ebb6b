import Base
import Testing

@testable import WorkerCore

@Suite struct WholeNumberTests {
    @Test(arguments: [
        ("1", 1), ("0", 0), ("-0", 0), ("-0.0e9", 0), ("1.0", 1), ("1e1", 10), ("1E+1", 10), ("10e-1", 1), ("100.00", 100),
        ("1.25e2", 125), ("0.05e2", 5), ("-2.50e1", -25), ("0e999999999999999999999", 0), ("9223372036854775807", Int64.max),
        ("9223372036854775807.0", Int64.max), ("-9223372036854775808.0", Int64.min), ("-9.223372036854775808e18", Int64.min),
        ("1e18", 1_000_000_000_000_000_000), ("1000000000000000000000000e-24", 1),
    ])
    func `a whole number counts however it is written`(_ written: String, _ value: Int64) {
        #expect(Self.read(written) == value)
    }

    @Test(arguments: [
        "1.5", "0.1", "1e-1", "15e-1", "1.0000000000000000000000000000000000000001", "9223372036854775808",
        "9223372036854775808.0", "-9223372036854775809.0", "1e19", "1e999999999999999999999", "1e-999999999999999999999",
        "9.3e18",
    ])
    func `a fraction or what does not fit is no integer`(_ written: String) {
        #expect(Self.read(written) == nil)
    }

    @Test(arguments: ["", "-", ".", "e", "1e", "1e-", "--1", "1.2.3e4"])
    func `what is no number does not trap`(_ written: String) {
        _ = Self.read(written)
    }

    private static func read(_ written: String) -> Int64? {
        let text = bytes(written)
        return WholeNumber.read(text.span, ByteRange(0, text.count))
    }
}
