"""Operations on flat tensors: sums over segments, scans over trees, dropout."""
