public import Base

/// The two parts of a `Host` field value or of the authority of an origin (RFC 9110 7.2, RFC 3986 3.2).
///
/// Only what a server ever answers to is accepted: no user information, no escapes, no empty port, nothing after the port.
public struct HostPort: Equatable, Sendable {
    /// IPv6 addresses with their brackets.
    public let host: ByteRange
    public let port: UInt16?

    public init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
        let end = range.upperBound
        var position = range.lowerBound
        if position < end, bytes[position] == 0x5B {
            while position < end && bytes[position] != 0x5D { position += 1 }  // Bound: the field.
            guard position < end else { return nil }
            let literal = bytes.extracting((range.lowerBound + 1)..<position)
            guard IPAddress(v6: literal) != nil else { return nil }
            position += 1
        } else {
            while position < end && Self.isNameByte(bytes[position]) { position += 1 }
            guard position - range.lowerBound <= 255 else { return nil }
        }
        guard position > range.lowerBound else { return nil }
        self.host = ByteRange(range.lowerBound, position)
        guard position < end else {
            self.port = nil
            return
        }
        guard bytes[position] == 0x3A, let port = Self.port(bytes.extracting((position + 1)..<end)) else { return nil }
        self.port = port
    }

    /// One to five digits without a leading zero, up to 65535.
    private static func port(_ digits: Span<UInt8>) -> UInt16? {
        guard (1...5).contains(digits.count), digits[0] != 0x30 else { return nil }
        var value = 0
        for index in digits.indices {
            guard ASCII.isDigit(digits[index]) else { return nil }
            value = value * 10 + Int(digits[index] - 0x30)
        }
        return UInt16(exactly: value)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
