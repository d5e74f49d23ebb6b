import Base
import MCP

/// What kind of value a key takes, with its bounds.
enum SettingKind: Equatable, Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    /// Bytes: `4M`, `512K`, `1G`, or a plain number.
    case size(ClosedRange<Int>)
    /// `500ms`, `10s`, `5m`, `1h`, `1d`.
    case duration(ClosedRange<Interval>)
    /// `50%`: of one processor.
    case percent(ClosedRange<Int>)
    case string
    case choice([String])
    case strings
    /// `true`, `false` or `auto`.
    case automatic
}

enum SettingValue: Equatable, Sendable {
    case boolean(Bool)
    case integer(Int)
    case duration(Interval)
    case string(String)
    case strings([String])
}

/// Why a value is not acceptable, in words that say what would be.
struct SettingError: Error, Equatable {
    let reason: String
}

extension SettingKind {
    /// Reads a value that was written as text: a default, a JSON string, an option or a variable.
    func parse(text: String) throws(SettingError) -> SettingValue {
        switch self {
        case .boolean:
            guard let value = Bool(text) else { throw self.mismatch }
            return .boolean(value)
        case .integer(let range):
            guard let value = Self.digits(text[...]) else { throw self.mismatch }
            return .integer(try self.checked(value, in: range))
        case .size(let range):
            guard let value = Self.scaled(text, units: Self.sizeUnits) else { throw self.mismatch }
            return .integer(try self.checked(value, in: range))
        case .percent(let range):
            guard text.hasSuffix("%"), let value = Self.digits(text.dropLast()) else { throw self.mismatch }
            return .integer(try self.checked(value, in: range))
        case .duration(let range):
            guard let value = Self.scaled(text, units: Self.durationUnits) else { throw self.mismatch }
            let interval = Interval(nanoseconds: Int64(value))
            guard range.contains(interval) else { throw self.outOfRange }
            return .duration(interval)
        case .string: return .string(text)
        case .choice(let choices):
            guard choices.contains(text) else { throw self.mismatch }
            return .string(text)
        case .automatic:
            guard text == "auto" || text == "true" || text == "false" else { throw self.mismatch }
            return .string(text)
        case .strings:
            let parts = text.split(separator: ",").map { Self.trimmed($0) }
            return .strings(parts.filter { !$0.isEmpty })
        }
    }

    /// The sentence of a value of the wrong type or shape.
    var mismatch: SettingError { SettingError(reason: "must be \(self.description)") }

    private var outOfRange: SettingError { SettingError(reason: "out of range, must be \(self.description)") }

    private func checked(_ value: Int, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        guard range.contains(value) else { throw self.outOfRange }
        return value
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// Decimal digits and nothing else; nil on overflow.
    private static func digits(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ ASCII.isDigit($0) }) else { return nil }
        return Int(text)
    }

    private static let sizeUnits: [(String, Int)] = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("", 1)]
    private static let durationUnits: [(String, Int)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]

    /// Digits and one unit; nil on overflow. The first unit that fits wins, so `ms` stands before `s`.
    private static func scaled(_ text: String, units: [(String, Int)]) -> Int? {
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let value = Self.digits(text.dropLast(unit.count)) else { continue }
            let (product, overflow) = value.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        return nil
    }

    static func text(size: Int) -> String {
        for (unit, factor) in [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)] where size > 0 && size % factor == 0 {
            return "\(size / factor)\(unit)"
        }
        return String(size)
    }

    static func text(_ interval: Interval) -> String {
        for (unit, factor) in Self.durationUnits.reversed() where Int(interval.nanoseconds) % factor == 0 {
            return "\(Int(interval.nanoseconds) / factor)\(unit)"
        }
        return "\(interval.nanoseconds)ns"
    }
}

extension SettingKind: CustomStringConvertible {
    var description: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .size(let range):
            "a size from \(Self.text(size: range.lowerBound)) to \(Self.text(size: range.upperBound)), such as \"512K\" or \"4M\""
        case .duration(let range):
            "a time from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound)), such as \"500ms\", \"10s\" or \"5m\""
        case .percent(let range): "a percentage from \(range.lowerBound)% to \(range.upperBound)%, such as \"50%\""
        case .string: "a string"
        case .choice(let choices): "one of \(choices.joined(separator: ", "))"
        case .strings: "a list of strings"
        case .automatic: "\"auto\", true or false"
        }
    }
}
