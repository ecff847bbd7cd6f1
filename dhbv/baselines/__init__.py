"""What δ-HBV is measured against: HBV calibrated site by site, its parameters transferred, and a plain LSTM."""
