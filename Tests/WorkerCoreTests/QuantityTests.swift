import Base
import Testing
import WorkerCore

@Suite struct QuantityTests {
    @Test(arguments: [
        ("1ms", Interval.milliseconds(1)), ("250ms", .milliseconds(250)), ("5s", .seconds(5)), ("2m", .minutes(2)),
    ])
    func `a time is digits and a unit`(_ text: String, _ interval: Interval) {
        #expect(Quantity.interval(Array(text.utf8)) == interval)
    }

    @Test(arguments: ["", "5", "s", "0s", "-1s", "+1s", "1.5s", "5 s", "5S", "5h", "٥s", "9999999999999999s", "1e3s"])
    func `another spelling of a time is refused`(_ text: String) {
        #expect(Quantity.interval(Array(text.utf8)) == nil)
    }

    @Test(arguments: [("1", 1), ("1048576", 1 << 20), ("512K", 512 << 10), ("64M", 64 << 20), ("1G", 1 << 30)])
    func `a size is digits and perhaps a unit`(_ text: String, _ bytes: Int) {
        #expect(Quantity.bytes(Array(text.utf8)) == Int64(bytes))
    }

    @Test(arguments: ["", "0", "K", "-1", "1k", "1 M", "1MB", "1T", "99999999999999999999", "1048577G"])
    func `another spelling of a size is refused`(_ text: String) {
        #expect(Quantity.bytes(Array(text.utf8)) == nil)
    }

    @Test func `a count stays inside its range`() {
        #expect(Quantity.count(Array("4".utf8), in: 1...64) == 4)
        #expect(Quantity.count(Array("0".utf8), in: 1...64) == nil)
        #expect(Quantity.count(Array("65".utf8), in: 1...64) == nil)
        #expect(Quantity.count(Array("4x".utf8), in: 1...64) == nil)
    }
}
