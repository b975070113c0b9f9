"""What a study is: experiments, parameters, claims, and where it is found."""
