public import Base

/// Copies an object with members left out and others put in front, without decoding any value. The copy is always one line.
///
/// `members` must be the table of the object at `object`: the bytes outside of it are never copied.
public enum JSONObjectSplice {
    /// Appends the object whose members are `members`, without those whose key is in `removing`, and with `adding` first.
    /// `adding` is raw `"key":value` text on one line, several separated by commas, or empty; its keys must be new or in
    /// `removing`.
    public static func append(
        _ bytes: Span<UInt8>, _ members: borrowing JSONMembers, of object: ByteRange, removing: [StaticString],
        adding: Span<UInt8>, to output: inout [UInt8]
    ) {
        self.check(members, object)
        output.append(0x7B)
        output.append(adding)
        self.appendKept(bytes, members, removing: removing, needsComma: !adding.isEmpty, to: &output)
        output.append(0x7D)
    }

    /// The same, where `adding` appends the raw text to the output.
    public static func append(
        _ bytes: Span<UInt8>, _ members: borrowing JSONMembers, of object: ByteRange, removing: [StaticString],
        to output: inout [UInt8], adding: (inout [UInt8]) -> Void
    ) {
        self.check(members, object)
        output.append(0x7B)
        let start = output.count
        adding(&output)
        self.appendKept(bytes, members, removing: removing, needsComma: output.count > start, to: &output)
        output.append(0x7D)
    }

    private static func check(_ members: borrowing JSONMembers, _ object: ByteRange) {
        guard let first = members.members.first, let last = members.members.last else { return }
        precondition(first.whole.lowerBound > object.lowerBound, "a table of another object")
        precondition(last.whole.upperBound < object.upperBound, "a table of another object")
    }

    /// Copies runs of kept members at once, with the commas between them.
    private static func appendKept(
        _ bytes: Span<UInt8>, _ members: borrowing JSONMembers, removing: [StaticString], needsComma: Bool,
        to output: inout [UInt8]
    ) {
        var needsComma = needsComma
        var run: ByteRange?
        for member in members.members {
            if !self.isRemoved(bytes, member, removing) {
                run = ByteRange(run?.lowerBound ?? member.whole.lowerBound, member.whole.upperBound)
            } else if let kept = run.take() {
                self.appendRun(bytes, kept, &needsComma, to: &output)
            }
        }
        if let run { self.appendRun(bytes, run, &needsComma, to: &output) }
    }

    private static func appendRun(_ bytes: Span<UInt8>, _ run: ByteRange, _ needsComma: inout Bool, to output: inout [UInt8]) {
        if needsComma { output.append(0x2C) }
        needsComma = true
        output.appendLine(bytes, run)
    }

    private static func isRemoved(_ bytes: Span<UInt8>, _ member: JSONMember, _ removing: [StaticString]) -> Bool {
        for key in removing where member.hasKey(key, in: bytes) { return true }
        return false
    }
}
