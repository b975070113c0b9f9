"""Studies: experiments, their parameters, claims, and where all of them are found."""
