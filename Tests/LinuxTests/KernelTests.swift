import Testing

/// All tests of this module, one after the other: between the birth of a child and its exec it holds a copy of every
/// descriptor, and in that moment another test would see a pipe, a listener or a lock live on that it has just closed.
@Suite(.serialized) struct KernelTests {}
